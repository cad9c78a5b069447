# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the one channel that carries a marker, or creates it so that there is never a second one.

The only thing that Slack guarantees to be unique is a channel's name, so creating it is also the lock: whoever is told
C(name_taken) looks for the channel and joins in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .clients.slack import Channel, Identity, Slack
from .errors import ApiError, ConflictError, NotFoundError, UnclearOutcomeError
from .slack_text import marker_of, message_kind, numbered
from .slack_messages import key_of

#: How many names are tried: name, name-2 … name-9.
MOST_NAMES = 9
#: How often one name is tried when the outcome of creating it is unclear.
ATTEMPTS = 3
#: A name that is taken by no channel that we see may be a moment old: wait so long before looking again (seconds).
PATIENCE = 1.0
_SPOKEN = ("message", "bot", "file")


@dataclass(frozen=True)
class Found:
    """The outcome of ensuring a channel. C(channel) is None when it cannot be seen (private and archived).

    C(earlier) is the name of an archived channel of the same marker, that a new one continues.
    """

    channel: Channel | None
    created: bool = False
    earlier: str | None = None


class ChannelFinder:
    """Looks for the channel of one marker. C(private) says that private channels are looked at as well."""

    def __init__(self, client: Slack, identity: Identity, marker: str | None, private: bool) -> None:
        self._client = client
        self._identity = identity
        self._marker = marker
        self._private = private

    def known(self, channel_id: str | None) -> Channel | None:
        """Return the channel with this id if it is ours, whatever somebody has made of its purpose meanwhile."""
        if not channel_id:
            return None
        try:
            channel = self._client.channel(channel_id)
        except NotFoundError:
            return None
        marker = marker_of(channel.purpose)
        ours = marker is None and channel.creator == self._identity.user_id
        return channel if self._marker in (None, marker) or ours else None

    def open(self) -> Channel | None:
        """Return our channel among those that we are in: one or few calls, and never an archived channel."""
        return pick(c for c in self._client.own_channels(self._private) if marker_of(c.purpose) == self._marker)

    def anywhere(self) -> Channel | None:
        """Return our channel among all, archived ones included."""
        return pick(c for c in self._client.all_channels(self._private) if marker_of(c.purpose) == self._marker)

    def find(self, channel_id: str | None) -> Channel | None:
        """Return the channel without changing anything, an open one rather than an archived one."""
        known = self.known(channel_id)
        if (known and not known.is_archived) or self._marker is None:
            return known
        return self.open() or known or self.anywhere()


class ChannelCreator:
    """Creates the channel when it is not there."""

    def __init__(
        self, client: Slack, identity: Identity, marker: str, private: bool, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._identity = identity
        self._marker = marker
        self._private = private
        self._pause = pause
        self._earlier: str | None = None

    def create(self, name: str, archived: bool) -> Found:
        """Create the channel under the first free name, or return what others have created for the same marker.

        C(archived) says that an archived channel is what is wanted; else an archived one is continued by a new one,
        because Slack lets no app bring a channel back.
        """
        hidden = False
        for number in range(1, MOST_NAMES + 1):
            found, unseen = self._try_name(numbered(name, number), archived)
            hidden = hidden or unseen
            if found is not None:
                return found
            if unseen and archived and self._private:
                # Most likely ours: a private channel cannot be seen any more once it is archived.
                return Found(None)
        raise ConflictError(f"name: {name} and {name}-2 to {name}-{MOST_NAMES} are all taken in Slack", status=200)

    def _try_name(self, name: str, archived: bool) -> tuple[Found | None, bool]:
        """Return what the name gave, and whether it is taken by a channel that we cannot see."""
        unclear: UnclearOutcomeError | None = None
        for _attempt in range(ATTEMPTS):
            try:
                return Found(self._client.create_channel(name, self._private), True, self._earlier), False
            except ConflictError as error:
                if error.code != "name_taken":
                    raise
                return self._who_has(name, archived, patient=unclear is None, created=unclear is not None)
            except UnclearOutcomeError as error:
                unclear = error
                found, unseen = self._who_has(name, archived, patient=False, created=True)
                if found is not None or not unseen:
                    return found, unseen
        raise unclear or AssertionError("a loop without a pass")

    def _who_has(self, name: str, archived: bool, *, patient: bool, created: bool) -> tuple[Found | None, bool]:
        channels = list(self._client.all_channels(self._private))
        if patient and not any(channel.name == name for channel in channels):
            self._pause(PATIENCE)
            channels = list(self._client.all_channels(self._private))
        ours = pick(channel for channel in channels if marker_of(channel.purpose) == self._marker)
        if ours is not None and (archived or not ours.is_archived):
            return Found(ours), False
        if ours is not None:
            self._earlier = ours.name
        holder = next((channel for channel in channels if channel.name == name), None)
        if holder is None:
            return None, True
        # What we have created ourselves a moment ago is not reported as found.
        return (Found(holder, created, self._earlier), False) if self._is_unfinished(holder) else (None, False)

    def _is_unfinished(self, channel: Channel) -> bool:
        """Tell whether we (another run, or one that was killed) created the channel and came no further."""
        if channel.creator != self._identity.user_id or channel.is_archived or marker_of(channel.purpose):
            return False
        silent = True
        try:
            for message in self._client.history(channel.id):
                key = key_of(message)
                if key is not None:
                    return key == self._marker
                silent = silent and message_kind(message) not in _SPOKEN
        except ApiError:
            return False
        return silent


def pick(channels: Iterable[Channel]) -> Channel | None:
    """Return the one that everybody picks: the oldest open channel, else the newest archived one."""
    listed = sorted(channels, key=lambda channel: (channel.created, channel.id))
    return next((channel for channel in listed if not channel.is_archived), listed[-1] if listed else None)
