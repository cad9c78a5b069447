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
from dataclasses import dataclass, replace

from .clients.slack import Channel, Identity, Slack
from .errors import ApiError, ConflictError, NotFoundError, UnclearOutcomeError
from .slack_messages import key_of
from .slack_text import marked_purpose, marker_of, message_kind, numbered

#: How many names are tried: name, name-2 … name-9.
MOST_NAMES = 9
#: How often one thing is written when the outcome stays unclear.
ATTEMPTS = 3
#: A name that is taken by no channel that we see may be a moment old: wait so long before looking again (seconds).
PATIENCE = 1.0
_SPOKEN = ("message", "bot", "file")


@dataclass(frozen=True)
class Found:
    """The outcome of creating a channel. C(channel) is None when it cannot be seen (private and archived)."""

    channel: Channel | None
    created: bool = False


class ChannelFinder:
    """Looks for the channel of one marker. C(private) says that private channels are looked at as well."""

    def __init__(self, client: Slack, identity: Identity, marker: str | None, private: bool) -> None:
        self._client = client
        self._identity = identity
        self._marker = marker
        self._private = private

    def find(self, channel_id: str | None, *, everywhere: bool) -> Channel | None:
        """Return the channel without changing anything, an open one rather than an archived one.

        C(everywhere) also looks at channels that we are not in, which takes many calls in a large workspace.
        """
        known = self._known(channel_id)
        if (known and not known.is_archived) or self._marker is None:
            return known
        joined = pick(c for c in self._client.own_channels(self._private) if marker_of(c.purpose) == self._marker)
        if joined or known or not everywhere:
            return joined or known
        return pick(c for c in self._client.all_channels(self._private) if marker_of(c.purpose) == self._marker)

    def _known(self, channel_id: str | None) -> Channel | None:
        """Return the channel with this id if it is ours, even when somebody has emptied its purpose."""
        if not channel_id:
            return None
        try:
            channel = self._client.channel(channel_id)
        except NotFoundError:
            return None
        marker = marker_of(channel.purpose)
        unmarked = marker is None and channel.creator == self._identity.user_id
        return channel if self._marker in (None, marker) or unmarked else None


class ChannelCreator:
    """Creates the channel of one marker."""

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

        Raises ConflictError when all names are taken.
        """
        for number in range(1, MOST_NAMES + 1):
            found = self._try_name(numbered(name, number), archived)
            if found is not None:
                return found
        raise ConflictError(f"name: {name} and {name}-2 to {name}-{MOST_NAMES} are all taken in Slack", status=200)

    def _try_name(self, name: str, archived: bool) -> Found | None:
        unclear: UnclearOutcomeError | None = None
        for _attempt in range(ATTEMPTS):
            try:
                channel = self._client.create_channel(name, self._private)
            except ConflictError as error:
                if error.code != "name_taken":
                    raise
                return self._holder(name, archived, created=unclear is not None)
            except UnclearOutcomeError as error:
                # If it was created all the same, the next attempt is told that the name is taken.
                unclear = error
                continue
            return Found(self._marked(channel), created=True) if self._claim(channel) else None
        raise unclear or AssertionError("a loop without a pass")

    def _holder(self, name: str, archived: bool, created: bool) -> Found | None:
        """Return the channel if the holder of the name, or any other channel, is ours. None: try another name."""
        channels = list(self._client.all_channels(self._private))
        if not any(channel.name == name for channel in channels):
            self._pause(PATIENCE)
            channels = list(self._client.all_channels(self._private))
        ours = pick(channel for channel in channels if marker_of(channel.purpose) == self._marker)
        if ours is not None and (archived or not ours.is_archived):
            return Found(ours)
        self._earlier = ours.name if ours else None
        holder = next((channel for channel in channels if channel.name == name), None)
        if holder is None:
            # Most likely ours: a private channel cannot be seen any more once it is archived.
            return Found(None) if archived and self._private else None
        if not self._is_unfinished(holder) or not self._claim(holder):
            return None
        return Found(self._marked(holder), created)

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

    def _purpose(self, channel: Channel) -> str:
        remark = f"(continues #{self._earlier})" if self._earlier else ""
        return marked_purpose(channel.purpose, self._marker, remark)

    def _marked(self, channel: Channel) -> Channel:
        return replace(channel, purpose=self._purpose(channel))

    def _claim(self, channel: Channel) -> bool:
        """Write our marker into the purpose, unless another incident of the same name was faster."""
        for _attempt in range(ATTEMPTS):
            marker = marker_of(self._client.channel(channel.id).purpose)
            if marker is not None:
                return marker == self._marker
            try:
                self._client.set_purpose(channel.id, self._purpose(channel))
                return True
            except UnclearOutcomeError as error:
                unclear = error
        raise unclear


def pick(channels: Iterable[Channel]) -> Channel | None:
    """Return the one that everybody picks: the oldest open channel, else the newest archived one."""
    listed = sorted(channels, key=lambda channel: (channel.created, channel.id))
    return next((channel for channel in listed if not channel.is_archived), listed[-1] if listed else None)
