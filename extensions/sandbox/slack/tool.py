# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Slack as one tool of the sandbox: routes, the view for the page, and what people do in it."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from aiohttp import web

from sandbox.faults import Faults
from sandbox.hub import Hub
from sandbox.settings import Settings
from sandbox.tool import Tool

from . import conversations, files, markup, messages, people
from .interactivity import Interactivity
from .sockets import Sockets
from .wire import METHODS, Answer, Call, Method, SlackError, bearer, envelope, read_arguments
from .workspace import TEAM_ID, Channel, Message, User, Workspace

#: The bot scopes that the documentation of the collection asks for, and those of private channels.
SCOPES = frozenset(
    {
        *("channels:manage", "channels:read", "channels:history", "channels:join"),
        *("groups:write", "groups:read", "groups:history"),
        *("chat:write", "pins:write", "pins:read", "bookmarks:write", "bookmarks:read"),
        *("users:read", "users:read.email", "usergroups:read", "files:write", "files:read", "team:read"),
    }
)
#: The handlers register themselves; naming their modules here keeps the imports honest.
HANDLERS = (conversations, files, messages, people)


class Slack(Tool):
    """One workspace whose people are those of the settings, with the app that owns C(settings.slack_token)."""

    name: ClassVar[str] = "slack"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        self.workspace = Workspace(settings)
        #: Who a token belongs to. Tests may add the token of a person (C(xoxp-…)).
        self.tokens: dict[str, User] = {settings.slack_token: self.workspace.bot}
        self.sockets = Sockets(self.workspace)
        self.interactivity = Interactivity(settings, self.workspace, self.sockets, self.changed)
        #: What the bot token may do. Tests take scopes away.
        self.scopes: set[str] = set(SCOPES)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/api/{method}", self._api),
            web.post("/api/{method}", self._api),
            web.post("/upload/v1/{ticket}", self._upload),
            web.get("/files-pri/{file}", self._download),
            web.get("/archives/{channel}", self._read_channel),
            web.get("/link/", self.sockets.connect),
            web.post("/actions/{team}/{number}/{secret}", self.interactivity.respond),
        ]

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self.workspace.url = self.url

    async def stop(self) -> None:
        await self.sockets.stop()
        await super().stop()

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        headers = {"X-Slack-Req-Id": secrets.token_hex(16)}
        try:
            answer = await self._answer(name, request, headers)
        except SlackError as error:
            answer = {"ok": False, "error": error.error, **error.extra}
        return web.json_response(answer, headers=headers)

    async def _answer(self, name: str, request: web.Request, headers: dict[str, str]) -> Answer:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        arguments, warnings = await read_arguments(request, method.json)
        token = bearer(request, arguments)
        if (name == "apps.connections.open") != (token == self.settings.slack_app_token):
            known = token in self.tokens or token == self.settings.slack_app_token
            raise SlackError("not_allowed_token_type" if known else "invalid_auth")
        user = self.workspace.bot if name == "apps.connections.open" else self.tokens.get(token)
        if user is None:
            raise SlackError("invalid_auth")
        headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
        call = Call(name, arguments, user, warnings)
        if user is self.workspace.bot:
            self._check_scopes(method, call, headers)
        answer = envelope(method.handler(self.workspace, call), call.warnings)
        if name == "users.info" and user is self.workspace.bot and "users:read.email" not in self.scopes:
            answer["user"]["profile"].pop("email", None)
        if method.writes:
            self.changed()
        return answer

    def _check_scopes(self, method: Method, call: Call, headers: dict[str, str]) -> None:
        for alternatives in self._needed(method, call):
            headers["X-Accepted-OAuth-Scopes"] = ",".join(alternatives)
            if not self.scopes.intersection(alternatives):
                raise SlackError("missing_scope", needed=alternatives[0], provided=",".join(sorted(self.scopes)))

    def _needed(self, method: Method, call: Call) -> list[tuple[str, ...]]:
        """Return the sets of scopes of which one each is needed."""
        if method.name in ("conversations.list", "users.conversations"):
            kinds = {"public_channel": ("channels:read",), "private_channel": ("groups:read",)}
            return [kinds[kind] for kind in call.names("types") or ["public_channel"] if kind in kinds]
        channel = self.workspace.channels.get(call.text("channel") or call.text("channel_id"))
        private = channel.private if channel else method.name == "conversations.create" and call.flag("is_private")
        scopes = tuple(method.private if private else method.public)
        return [scopes] if scopes else []

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        return await files.receive(self.workspace, request)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        entry = self.workspace.files.get(request.match_info["file"])
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        if entry is None or entry["content"] is None or scheme != "Bearer" or token not in self.tokens:
            # The real service shows its sign-in page here, with status 200.
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        return web.Response(body=entry["content"], content_type=entry["json"]["mimetype"])

    async def _read_channel(self, request: web.Request) -> web.StreamResponse:
        """Show a channel as plain text where its link points to, for a person who follows the link."""
        channel = self.workspace.channels.get(request.match_info["channel"])
        if channel is None or channel.private:
            raise web.HTTPNotFound(text="no such channel")
        lines = [f"#{channel.name}{' (archived)' if channel.archived else ''}", self._human(channel.topic.value), ""]
        lines += [f"{m['author']}: {m['text']}" for m in self._shown_channel(channel)["messages"]]
        return web.Response(text="\n".join(lines), headers={"X-Content-Type-Options": "nosniff"})

    def snapshot(self) -> dict[str, Any]:
        """Return all channels but an untouched #general. Times are time stamps of Slack (seconds since 1970)."""
        channels = [c for c in self.workspace.channels.values() if not c.general or c.messages]
        return {
            "team": TEAM_ID,
            "channels": [self._shown_channel(channel) for channel in channels],
            "sockets": len(self.sockets.open),
            "presses": list(self.interactivity.presses),
        }

    def _shown_channel(self, channel: Channel) -> dict[str, Any]:
        return {
            "id": channel.id,
            "name": channel.name,
            "url": f"{self.url}/archives/{channel.id}",
            "topic": self._human(channel.topic.value),
            "purpose": self._human(channel.purpose.value),
            "private": channel.private,
            "archived": channel.archived,
            "members": [self.workspace.users[user].real_name for user in channel.members],
            "bookmarks": [{"title": b["title"], "link": b["link"]} for b in channel.bookmarks],
            "messages": [self._shown_message(channel, message) for message in channel.messages.values()],
            "ephemeral": [
                {
                    "ts": said["ts"],
                    "to": self.workspace.users[said["user"]].real_name,
                    "text": self._human(said["text"]),
                }
                for said in self.workspace.ephemeral
                if said["channel"] == channel.id
            ],
        }

    def _shown_message(self, channel: Channel, message: Message) -> dict[str, Any]:
        author = self.workspace.users.get(message.user)
        kind = str((message.metadata or {}).get("event_type", ""))
        pinned = message.ts in channel.pins
        return {
            "ts": message.ts,
            "author": author.real_name if author else "Slack",
            "is_bot": bool(author and author.bot_id),
            "type": message.subtype or "message",
            "text": self._human(message.text),
            "markup": message.text,
            "blocks": message.blocks,
            "is_header": pinned and kind.endswith("_header"),
            "pinned": pinned,
            "thread_ts": message.thread_ts,
            "edited": message.edited is not None,
            "files": [{"id": file["id"], "name": file["name"], "size": file["size"]} for file in message.files],
            "metadata": message.metadata,
            # Slack's own messages name people without calling them.
            "mentions": message.mentions,
        }

    def _human(self, text: str) -> str:
        return markup.human(text, {user.id: user.real_name for user in self.workspace.users.values()})

    def actions(self) -> dict[str, Any]:
        return {"say": self._say, "press": self.interactivity.press}

    async def _say(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Write a message as a person: C(channel) (id or name), C(person) (key), C(text), and C(thread_ts) to reply.

        The text is what the person typed: Slack's own client escapes it before it sends it.
        """
        try:
            person = next((p for p in self.settings.people if p.key == arguments.get("person")), None)
            user = self.workspace.by_email(person.email if person else "")
            channel = self.workspace.channel(str(arguments.get("channel")), user)
            if channel.archived:
                raise SlackError("is_archived")
            if not str(arguments.get("text") or "").strip():
                raise SlackError("no_text")
        except SlackError as error:
            return {"ok": False, "error": error.error}
        if user.id not in channel.members:
            self.workspace.join(channel, user)
        text = markup.escape(str(arguments["text"]))[: markup.TEXT_LIMIT]
        message = Message(self.workspace.next_ts(), user.id, text, thread_ts=arguments.get("thread_ts") or None)
        message.extra = {"client_msg_id": secrets.token_hex(16), "team": TEAM_ID}
        self.workspace.add(channel, message)
        self.changed()
        return {"ok": True, "channel": channel.id, "ts": message.ts}
