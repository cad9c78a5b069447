# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one Slack channel to its full desired state: look, compare, write the difference.

After an unclear outcome every part looks again before it writes again. What parallel runs have made twice is reduced to
the oldest one, which is the same for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .clients.slack import INVITE_LIMIT, Bookmark, Channel, Identity, Slack
from .errors import ConflictError, NotFoundError, UnclearOutcomeError
from .slack_messages import HEADER_NAME, MessagePlan, Name, OwnMessage, Present, plan_messages
from .slack_text import TOPIC_LIMIT, clean, cut, decode, marked_purpose, marker_of, unescape

#: How often one thing is written when the outcome stays unclear.
ATTEMPTS = 3
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")


@dataclass
class Changes:
    """What was, or in check mode would be, changed."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, before: Any, after: Any) -> None:
        self.before.setdefault(name, before)
        self.after[name] = after

    def __bool__(self) -> bool:
        return bool(self.after)

    def to_diff(self) -> dict[str, Any]:
        return {"before": self.before, "after": self.after}


@dataclass(frozen=True)
class Membership:
    """Who is in the channel, and why who is not: the wanted member (e-mail address or id) to Slack's reason."""

    present: tuple[str, ...]
    missing: Mapping[str, str]


@dataclass(frozen=True)
class BookmarkPlan:
    add: tuple[tuple[str, str], ...] = ()
    edit: tuple[tuple[Bookmark, tuple[str, str]], ...] = ()
    remove: tuple[Bookmark, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.edit or self.remove)


class ChannelKeeper:
    """Keeps one channel. C(channel) is None when it does not exist yet, which only check mode may meet."""

    def __init__(
        self,
        client: Slack,
        identity: Identity,
        channel: Channel | None,
        marker: str,
        changes: Changes,
        check_mode: bool,
    ) -> None:
        self._client = client
        self._identity = identity
        self._channel = channel
        self._marker = marker
        self._changes = changes
        self._check_mode = check_mode

    @property
    def _id(self) -> str:
        if self._channel is None:
            raise AssertionError("nothing is written before the channel exists")
        return self._channel.id

    @property
    def _can_read(self) -> bool:
        """Tell whether the content can be read now: in check mode we have not joined."""
        return self._channel is not None and (self._channel.is_member or not self._check_mode)

    def joined(self) -> None:
        if self._channel is not None and not self._channel.is_member:
            self._changes.note("joined", False, True)
            if not self._check_mode:
                self._settle(lambda: self._client.join(self._id), lambda: self._client.channel(self._id).is_member)

    def purpose(self) -> None:
        """Put our marker back into the purpose when somebody has removed it."""
        channel = self._channel
        if channel is None or marker_of(channel.purpose) == self._marker:
            return
        wanted = marked_purpose(channel.purpose, self._marker)
        self._changes.note("purpose", channel.purpose, wanted)
        if not self._check_mode:
            self._settle(
                lambda: self._client.set_purpose(self._id, wanted),
                lambda: marker_of(self._client.channel(self._id).purpose) == self._marker,
            )

    def topic(self, wanted: str) -> None:
        topic = cut(" ".join(clean(wanted).split()), TOPIC_LIMIT)
        before = self._channel.topic if self._channel else ""
        # Slack keeps entities that were sent as such, so text that looks like one comes back as what it stands for.
        if before in (topic, unescape(topic)):
            return
        self._changes.note("topic", before, topic)
        if not self._check_mode:
            self._settle(
                lambda: self._client.set_topic(self._id, topic),
                lambda: self._client.channel(self._id).topic in (topic, unescape(topic)),
            )

    def messages(self, wanted: Sequence[OwnMessage]) -> str | None:
        """Have each message exactly once and the header up to date. Returns the time stamp of the header."""
        posted: dict[Name, str] = {}
        unclear: UnclearOutcomeError | None = None
        for _attempt in range(ATTEMPTS + 1):
            present = self._present()
            plan = plan_messages(present, wanted, posted)
            self._note_messages(plan, present, wanted)
            if self._check_mode:
                return plan.header_ts
            self._tidy(plan, wanted)
            if not plan.post:
                return plan.header_ts
            try:
                for message in plan.post:
                    posted[message.name] = self._post(message)
            except UnclearOutcomeError as error:
                # Nothing more is posted before it is known, so that the order stays.
                unclear = error
        if unclear is not None:
            raise unclear
        return plan.header_ts

    def _present(self) -> Present:
        if not self._can_read:
            return Present()
        return Present.among(self._client.history(self._id), self._marker, self._identity.user_id)

    def _post(self, message: OwnMessage) -> str:
        return self._client.post(self._id, message.text, message.blocks, message.metadata(self._marker))

    def _tidy(self, plan: MessagePlan, wanted: Sequence[OwnMessage]) -> None:
        for ts in plan.delete:
            self._client.delete(self._id, ts)
        if plan.update:
            header = next(message for message in wanted if message.name == HEADER_NAME)
            # The same update twice has the same effect, so that an unclear one may simply be repeated.
            self._settle(
                lambda: self._client.update(
                    self._id, str(plan.update), header.text, header.blocks, header.metadata(self._marker)
                ),
                lambda: plan_messages(self._present(), wanted, {}).update is None,
            )

    def _note_messages(self, plan: MessagePlan, present: Present, wanted: Sequence[OwnMessage]) -> None:
        noted = self._changes.after.get("notes", [])
        notes = [message.name[1] for message in plan.post if message.name != HEADER_NAME]
        if notes:
            self._changes.note("notes", [], noted + [note for note in notes if note not in noted])
        header = next((message for message in wanted if message.name == HEADER_NAME), None)
        if header is not None and (header in plan.post or plan.update):
            there = present.header()
            before = decode(str(there.get("text") or ""), {}) if there else ""
            self._changes.note("header", before, decode(header.text, {}))
        if plan.delete:
            self._changes.note("duplicates", len(plan.delete), 0)

    def pinned(self, ts: str | None) -> None:
        """Pin the header. C(ts) is None in check mode when there is no header yet."""
        if ts is not None and ts in self._client.pinned(self._id):
            return
        self._changes.note("pinned", False, True)
        if ts is not None and not self._check_mode:
            self._settle(lambda: self._client.pin(self._id, ts), lambda: ts in self._client.pinned(self._id))

    def bookmarks(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Have each bookmark once. Others are left alone."""
        unclear: UnclearOutcomeError | None = None
        for _attempt in range(ATTEMPTS):
            present = self._client.bookmarks(self._id) if self._can_read else []
            plan = plan_bookmarks(present, wanted)
            if not plan:
                return
            after = [{"title": title, "link": link} for title, link in wanted]
            self._changes.note("bookmarks", [{"title": b.title, "link": b.link} for b in present], after)
            if self._check_mode:
                return
            try:
                self._write_bookmarks(plan)
            except UnclearOutcomeError as error:
                unclear = error
                continue
            if plan.add:
                # Slack makes two of them when two runs add one each.
                self._write_bookmarks(
                    BookmarkPlan(remove=plan_bookmarks(self._client.bookmarks(self._id), wanted).remove)
                )
            return
        raise unclear or AssertionError("a loop without a pass")

    def _write_bookmarks(self, plan: BookmarkPlan) -> None:
        for bookmark in plan.remove:
            self._client.remove_bookmark(self._id, bookmark.id)
        for bookmark, (title, link) in plan.edit:
            self._client.edit_bookmark(self._id, bookmark.id, title, link)
        for title, link in plan.add:
            self._client.add_bookmark(self._id, title, link)

    def members(self, wanted: Sequence[str]) -> Membership:
        """Invite who is missing. Nobody is ever removed, and nobody unknown stops the rest."""
        ids, missing = self._resolve(wanted)
        before = present = self._people()
        for attempt in range(1, ATTEMPTS + 1):
            absent = [user for user in ids if user not in present]
            if not absent:
                break
            if self._check_mode:
                present = sorted({*present, *absent})
                break
            try:
                refused = self._invite(absent)
            except UnclearOutcomeError:
                if attempt == ATTEMPTS:
                    raise
                present = self._people()
                continue
            present = self._people()
            missing.update({ids[user]: reason for user, reason in refused.items() if user not in present})
            break
        if present != before:
            self._changes.note("members", before, present)
        return Membership(tuple(present), missing)

    def _resolve(self, wanted: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the ids of the known people (to the name they were wanted by), and why others are missing."""
        ids: dict[str, str] = {}
        missing: dict[str, str] = {}
        for member in dict.fromkeys(clean(name).strip() for name in wanted):
            if "@" in member:
                found = self._client.user_id(member)
            else:
                found = member if _USER_ID.fullmatch(member) and self._client.user_name(member) else None
            if found:
                ids.setdefault(found, member)
            elif member:
                missing[member] = "users_not_found" if "@" in member else "user_not_found"
        ids.pop(self._identity.user_id, None)
        return ids, missing

    def _people(self) -> list[str]:
        """Return the ids of all members but ourselves."""
        if not self._can_read:
            return []
        return sorted(user for user in self._client.members(self._id) if user != self._identity.user_id)

    def _invite(self, users: Sequence[str]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for start in range(0, len(users), INVITE_LIMIT):
            refused.update(self._client.invite(self._id, users[start : start + INVITE_LIMIT]))
        return refused

    def archived(self) -> None:
        """Archive the channel. From then on we can neither read it nor change anything in it."""
        self._changes.note("archived", False, True)
        if self._check_mode:
            return
        try:
            self._settle(lambda: self._client.archive(self._id), self._is_archived)
        except ConflictError as error:
            if error.code != "already_archived":
                raise

    def _is_archived(self) -> bool:
        try:
            return self._client.channel(self._id).is_archived
        except NotFoundError:
            # A private channel is out of sight as soon as it is archived.
            return True

    def _settle(self, write: Callable[[], None], is_done: Callable[[], bool]) -> None:
        """Write, and after an unclear answer look whether it happened before writing again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return write()
            except UnclearOutcomeError:
                if is_done():
                    return None
                if attempt == ATTEMPTS:
                    raise
        return None


def plan_bookmarks(present: Sequence[Bookmark], wanted: Sequence[tuple[str, str]]) -> BookmarkPlan:
    """Compare bookmarks. Others than the wanted ones stay, except exact copies of a wanted one.

    A wanted bookmark is found by title and address, else by title, else by address.
    """
    free = sorted(present, key=lambda bookmark: (bookmark.created, bookmark.id))
    copies = [b for number, b in enumerate(free) if any((b.title, b.link) == (o.title, o.link) for o in free[:number])]
    remove = [b for b in copies if (b.title, b.link) in wanted]
    free = [bookmark for bookmark in free if bookmark not in remove]
    open_pairs = list(dict.fromkeys(wanted))
    edit: list[tuple[Bookmark, tuple[str, str]]] = []
    same: tuple[Callable[[Bookmark, tuple[str, str]], bool], ...] = (
        lambda b, w: (b.title, b.link) == w,
        lambda b, w: b.title == w[0],
        lambda b, w: b.link == w[1],
    )
    for is_same in same:
        for pair in list(open_pairs):
            match = next((bookmark for bookmark in free if is_same(bookmark, pair)), None)
            if match is None:
                continue
            free.remove(match)
            open_pairs.remove(pair)
            if (match.title, match.link) != pair:
                edit.append((match, pair))
    return BookmarkPlan(tuple(open_pairs), tuple(edit), tuple(remove))
