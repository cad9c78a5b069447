# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often somebody may try: a bucket of attempts for each key, which fills up again with time.

Pure: the clock is an argument.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping

#: Keys that are remembered. Who has not tried for the longest time is forgotten first.
MOST_KEYS = 10_000


class Throttle:
    """C(capacity) attempts at once, and C(per_second) more with time."""

    def __init__(self, capacity: float, per_second: float, most_keys: int = MOST_KEYS) -> None:
        self._capacity = capacity
        self._per_second = per_second
        self._most_keys = most_keys
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, key: str, now: float) -> bool:
        """Return whether there is an attempt left, and take none. C(now) is seconds of a clock that never goes back."""
        left, at = self._buckets.get(key, (self._capacity, now))
        return left + (now - at) * self._per_second >= 1

    def allows(self, key: str, now: float) -> bool:
        """Take one attempt and return whether there was one."""
        left, at = self._buckets.pop(key, (self._capacity, now))
        left = min(self._capacity, left + (now - at) * self._per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        while len(self._buckets) > self._most_keys:
            self._buckets.popitem(last=False)
        return allowed


def sender(peer: str | None, headers: Mapping[str, str]) -> str:
    """Return who sent a request, as far as one is told from another: an address, or the network of one.

    A reverse proxy on this machine is believed in what it adds to C(X-Forwarded-For); nobody else is.
    """
    address = _address(peer or "")
    if address is not None and address.is_loopback:
        told = _address(headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())
        address = told or address
    if address is None:
        return "unknown"
    if address.version == 6:
        # One subscriber has a whole network of these.
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
