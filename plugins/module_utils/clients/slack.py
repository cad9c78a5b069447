# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire of Slack's Web API: one method per call, answers as small values.

Arguments travel as a form with nested values in JSON, which every method understands (about half of them ignore a JSON
body). Slack answers HTTP 200 to nearly everything; C(ok: false) becomes one of our errors here.
Source: https://docs.slack.dev/apis/web-api/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from ..errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    SelfHealingError,
    UnclearOutcomeError,
    UnreachableError,
)
from ..http import Api, Response, Transport
from ..slack_text import unescape
from .slack_values import User

DEFAULT_URL = "https://slack.com/api/"
#: Most people that one call of conversations.invite takes.
INVITE_LIMIT = 100
PAGE = 200
#: conversations.list is the most limited read (20 calls a minute), so its pages are as large as they may be.
LONG_PAGE = 999
MOST_PAGES = 5000

_TOKEN_ERRORS = {
    "invalid_auth": "the token is not known to Slack; check slack_token",
    "not_authed": "no token was sent; set slack_token",
    "account_inactive": "the app or its user was removed from the workspace; install it again",
    "token_revoked": "the token was revoked; install the app again and set the new slack_token",
    "token_expired": "the token has expired; token rotation must be off for this app",
    "not_allowed_token_type": "this kind of token cannot be used; slack_token must be the bot token (xoxb-…)",
    "org_login_required": "the workspace is being migrated to an organisation; sign in again",
    "two_factor_setup_required": "the workspace asks for two-factor authentication",
    "no_permission": "the app may not do this in the workspace",
    "access_denied": "the app may not do this in the workspace",
    "team_access_not_granted": "the app is not approved for this workspace; ask its administrator",
    "ekm_access_denied": "the administrators of the organisation have suspended access to this workspace",
    "restricted_action": "a preference of the workspace forbids this to apps; ask its administrator",
    "app_access_restricted": "an administrator has restricted this app",
}
#: Slack's words for "it went wrong on our side, and something of it may have happened".
_BROKEN = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_CONFLICTS = frozenset(
    {"name_taken", "already_archived", "not_archived", "already_in_channel", "already_pinned", "is_archived"}
)


@dataclass(frozen=True)
class Identity:
    """Who we are in the workspace. C(url) is the address of the workspace with a slash at the end."""

    user_id: str
    bot_id: str | None
    team_id: str
    url: str

    def channel_url(self, channel: str) -> str:
        return urljoin(self.url, f"archives/{channel}")


@dataclass(frozen=True)
class Channel:
    """One channel. C(topic) and C(purpose) are plain text, C(created) is in seconds since 1970."""

    id: str
    name: str
    creator: str
    created: int
    is_private: bool
    is_archived: bool
    is_member: bool
    topic: str
    purpose: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any], is_member: bool | None = None) -> Channel:
        return cls(
            id=str(data["id"]),
            name=str(data.get("name") or ""),
            creator=str(data.get("creator") or ""),
            created=int(data.get("created") or 0),
            is_private=bool(data.get("is_private")),
            is_archived=bool(data.get("is_archived")),
            is_member=bool(data.get("is_member")) if is_member is None else is_member,
            topic=unescape(str((data.get("topic") or {}).get("value") or "")),
            purpose=unescape(str((data.get("purpose") or {}).get("value") or "")),
        )


@dataclass(frozen=True)
class Bookmark:
    """One link at the head of a channel."""

    id: str
    title: str
    link: str
    created: int


class Slack:
    """The calls that we make. Messages stay what Slack sends; C(slack_text.py) reads them.

    All methods raise the errors of C(errors.py); C(code) is Slack's own word. Writes raise UnclearOutcomeError when
    they may or may not have happened.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        token: str,
        url: str = DEFAULT_URL,
        timeout: float = 30.0,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = Api(
            name="Slack",
            base_url=url,
            transport=transport,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
            timeout=timeout,
            attempts=attempts,
            pause=pause,
            explain=explain,
        )

    def identity(self) -> Identity:
        answer = self._read("auth.test")
        bot = answer.get("bot_id")
        url = str(answer.get("url") or "https://slack.com/")
        return Identity(str(answer["user_id"]), str(bot) if bot else None, str(answer.get("team_id") or ""), url)

    def channel(self, channel: str) -> Channel:
        return Channel.from_json(self._read("conversations.info", channel=channel)["channel"])

    def own_channels(self, private: bool) -> Iterator[Channel]:
        """Yield the channels that we are in. Archived ones are not among them: Slack takes apps out of these."""
        arguments = {"types": channel_types(private), "exclude_archived": True, "limit": LONG_PAGE}
        for item in self._pages("users.conversations", "channels", arguments):
            yield Channel.from_json(item, is_member=True)

    def all_channels(self, private: bool) -> Iterator[Channel]:
        """Yield all channels that we can see, archived ones included."""
        arguments = {"types": channel_types(private), "exclude_archived": False, "limit": LONG_PAGE}
        for item in self._pages("conversations.list", "channels", arguments):
            yield Channel.from_json(item)

    def create_channel(self, name: str, private: bool) -> Channel:
        answer = self._write("conversations.create", name=name, is_private=private)
        return Channel.from_json(answer["channel"], is_member=True)

    def join(self, channel: str) -> None:
        self._write("conversations.join", channel=channel)

    def set_topic(self, channel: str, topic: str) -> None:
        self._write("conversations.setTopic", channel=channel, topic=topic)

    def set_purpose(self, channel: str, purpose: str) -> None:
        self._write("conversations.setPurpose", channel=channel, purpose=purpose)

    def archive(self, channel: str) -> None:
        self._write("conversations.archive", channel=channel)

    def members(self, channel: str) -> list[str]:
        return [
            str(user) for user in self._pages("conversations.members", "members", {"channel": channel, "limit": PAGE})
        ]

    def invite(self, channel: str, users: Sequence[str]) -> dict[str, str]:
        """Invite up to INVITE_LIMIT people and return why Slack refused some of them: user id to error."""
        form = {"channel": channel, "users": ",".join(users), "force": True}
        answer = self._send("conversations.invite", form, safe=False)
        errors = answer.get("errors")
        refused = {str(e.get("user")): str(e.get("error")) for e in errors or [] if isinstance(e, Mapping)}
        if not answer.get("ok") and not refused:
            if len(users) == 1 and answer.get("error") in _PERSONAL_ERRORS:
                return {users[0]: str(answer["error"])}
            raise error_for("conversations.invite", answer, safe=False)
        return refused

    def user_id(self, email: str) -> str | None:
        """Return the id of the person with this e-mail address, None when Slack knows nobody."""
        try:
            return str(self._read("users.lookupByEmail", email=email)["user"]["id"])
        except NotFoundError:
            return None

    def user(self, user: str) -> User | None:
        """Return somebody with their e-mail address, None when Slack does not know or tell."""
        try:
            return User.from_json(self._read("users.info", user=user)["user"])
        except NotFoundError:
            return None

    def app_id(self, bot: str) -> str | None:
        """Return the app that a bot belongs to."""
        found = self._read("bots.info", bot=bot).get("bot") or {}
        return str(found["app_id"]) if found.get("app_id") else None

    def open_socket(self) -> str:
        """Return the address of one socket, good for one use. The token must be that of the app (C(xapp-…))."""
        try:
            address = self._read("apps.connections.open").get("url")
        except AuthenticationError as error:
            said = f"Slack: no socket is opened: {error.code}"
            mend = "slack_app_token must be an app-level token (xapp-…) with the scope connections:write"
            raise AuthenticationError(f"{said}: {mend}", status=error.status, code=error.code) from None
        if not isinstance(address, str) or not address.startswith(("wss://", "ws://")):
            raise AnswerError("Slack: apps.connections.open told no address of a socket")
        return address

    def user_name(self, user: str) -> str | None:
        """Return the shown name of a user, None when Slack does not tell (external people, for instance)."""
        try:
            found = self._read("users.info", user=user)["user"]
        except NotFoundError:
            return None
        profile = found.get("profile") or {}
        name = profile.get("display_name") or profile.get("real_name") or found.get("real_name") or found.get("name")
        return str(name) if name else None

    def history(self, channel: str) -> Iterator[dict[str, Any]]:
        """Yield the messages of a channel with their metadata, newest first, without replies in threads."""
        arguments = {"channel": channel, "include_all_metadata": True, "limit": PAGE}
        yield from self._pages("conversations.history", "messages", arguments)

    def replies(self, channel: str, ts: str) -> Iterator[dict[str, Any]]:
        """Yield a thread, oldest first, its first message included."""
        arguments = {"channel": channel, "ts": ts, "include_all_metadata": True, "limit": PAGE}
        yield from self._pages("conversations.replies", "messages", arguments)

    def post(self, channel: str, text: str, blocks: Sequence[Any], metadata: Mapping[str, Any]) -> str:
        """Post a message in which C(@names) are just text, and return its time stamp."""
        return str(self._write("chat.postMessage", **_content(channel, text, blocks or None, metadata))["ts"])

    def update(self, channel: str, ts: str, text: str, blocks: Sequence[Any], metadata: Mapping[str, Any]) -> None:
        # Unlike chat.postMessage this method reads @names unless it is told not to, and forgets blocks not sent again.
        self._write("chat.update", ts=ts, **_content(channel, text, blocks, metadata))

    def delete(self, channel: str, ts: str) -> None:
        """Delete one of our own messages. That it is gone already is fine."""
        try:
            self._write("chat.delete", channel=channel, ts=ts)
        except NotFoundError:
            pass

    def pinned(self, channel: str) -> set[str]:
        """Return the time stamps of the pinned messages."""
        items = self._read("pins.list", channel=channel).get("items") or []
        return {str(item["message"]["ts"]) for item in items if isinstance(item.get("message"), Mapping)}

    def pin(self, channel: str, ts: str) -> None:
        try:
            self._write("pins.add", channel=channel, timestamp=ts)
        except ConflictError:
            pass

    def bookmarks(self, channel: str) -> list[Bookmark]:
        listed = self._read("bookmarks.list", channel_id=channel).get("bookmarks") or []
        return [
            Bookmark(
                str(item["id"]),
                unescape(str(item.get("title") or "")),
                unescape(str(item.get("link") or "")),
                int(item.get("date_created") or 0),
            )
            for item in listed
        ]

    def add_bookmark(self, channel: str, title: str, link: str) -> None:
        self._write("bookmarks.add", channel_id=channel, type="link", title=title, link=link)

    def edit_bookmark(self, channel: str, bookmark: str, title: str, link: str) -> None:
        self._write("bookmarks.edit", channel_id=channel, bookmark_id=bookmark, title=title, link=link)

    def remove_bookmark(self, channel: str, bookmark: str) -> None:
        try:
            self._write("bookmarks.remove", channel_id=channel, bookmark_id=bookmark)
        except NotFoundError:
            pass

    def _read(self, method: str, **form: Any) -> dict[str, Any]:
        return self._call(method, form, safe=True)

    def _write(self, method: str, **form: Any) -> dict[str, Any]:
        return self._call(method, form, safe=False)

    def _pages(self, method: str, key: str, form: Mapping[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        for _page in range(MOST_PAGES):
            answer = self._call(method, {**form, "cursor": cursor}, safe=True)
            # A page may be short or empty although there are more.
            yield from answer.get(key) or []
            following = (answer.get("response_metadata") or {}).get("next_cursor") or None
            if following is None or following == cursor:
                return
            cursor = following
        raise AnswerError(f"Slack: {method} did not come to an end after {MOST_PAGES} pages")

    def _call(self, method: str, form: Mapping[str, Any], *, safe: bool) -> dict[str, Any]:
        answer = self._send(method, form, safe=safe)
        if answer.get("ok"):
            return answer
        raise error_for(method, answer, safe=safe)

    def _send(self, method: str, form: Mapping[str, Any], *, safe: bool) -> dict[str, Any]:
        """Make one call and return its envelope. What Slack says in the body is repeated as its status would be."""
        for attempt in range(1, self._api.attempts + 1):
            answer = self._api.call("POST", method, form=form, safe=safe).json()
            if not isinstance(answer, dict) or "ok" not in answer:
                raise AnswerError(f"Slack: the answer of {method} is not one of Slack; does slack_url end with /api/ ?")
            error = "" if answer["ok"] else str(answer.get("error"))
            repeat = error in ("ratelimited", "rate_limited") or (safe and error in _BROKEN)
            if not repeat or attempt == self._api.attempts:
                return answer
            self._api.pause(float(attempt))
        raise AssertionError("the last attempt returns")


_PERSONAL_ERRORS = frozenset(
    {
        *("already_in_channel", "cant_invite", "cant_invite_self", "user_not_found", "user_is_restricted"),
        *("ura_max_channels", "org_user_not_in_team", "invitee_cant_see_channel", "no_external_invite_permission"),
        *("app_cannot_join_channel", "no_permission"),
    }
)


def channel_types(private: bool) -> str:
    """Return the kinds of channels to look at. Private ones need scopes of their own, so only on request."""
    return "public_channel,private_channel" if private else "public_channel"


def explain(response: Response) -> tuple[str, str | None]:
    """Return Slack's words in an answer that is not HTTP 200."""
    body = response.json_or_none()
    if isinstance(body, dict) and body.get("error"):
        return str(body["error"]), str(body["error"])
    return response.text[:200], None


def error_for(method: str, answer: Mapping[str, Any], *, safe: bool) -> SelfHealingError:
    """Return the error that fits an C(ok: false) answer. Its message names the mend where there is one."""
    code = str(answer.get("error") or "unknown_error")
    said = "; ".join(str(m) for m in (answer.get("response_metadata") or {}).get("messages") or [])
    message = f"Slack: {method} was refused: {code}" + (f" ({said})" if said else "")
    if code == "missing_scope":
        needed = str(answer.get("needed") or "unknown")
        mend = "add it to the app (OAuth & Permissions) and install the app again"
        message = f"Slack: {method} needs the scope {needed}, which the token lacks: {mend}"
        return AuthenticationError(message, status=200, code=code, needed=needed)
    if code in _TOKEN_ERRORS:
        return AuthenticationError(f"{message}: {_TOKEN_ERRORS[code]}", status=200, code=code)
    if code in _BROKEN:
        if safe:
            return UnreachableError(f"{message}: Slack has trouble of its own", code=code)
        return UnclearOutcomeError(f"{message}: Slack has trouble of its own; it may have been executed", code=code)
    if code in _LIMITED:
        return RateLimitedError(f"{message}: too many calls", status=200, code=code)
    if code in _CONFLICTS:
        return ConflictError(message, status=200, code=code)
    if code.endswith("not_found"):
        return NotFoundError(message, status=200, code=code)
    return ApiError(message, status=200, code=code)


def _content(channel: str, text: str, blocks: Sequence[Any] | None, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "channel": channel,
        "text": text,
        "blocks": None if blocks is None else list(blocks),
        "metadata": dict(metadata),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }
