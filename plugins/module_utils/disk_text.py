# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, ages and file names as people write and read them. Pure."""

from __future__ import annotations

import re

from .errors import ConfigurationError

_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE | re.ASCII)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.IGNORECASE | re.ASCII)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def bytes_of(text: str, field: str) -> int:
    """Return the bytes that C(1.5G), C(200 MiB) or C(4096) mean. Raises ConfigurationError."""
    match = _BYTES.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{field} is {text[:40]!r}, expected a size like 500M or 1.5G")
    return int(float(match.group(1)) * _FACTORS[match.group(2).upper()])


def seconds_of(text: str, field: str) -> int:
    """Return the seconds that C(90), C(12h) or C(7d) mean. Raises ConfigurationError."""
    match = _SECONDS.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{field} is {text[:40]!r}, expected an age like 30m, 12h or 7d")
    return int(float(match.group(1)) * _UNITS[match.group(2).lower()])


def size(number: float) -> str:
    """Return a number of bytes for people: C(36.8 GiB)."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def shown(path: str) -> str:
    """Return a path that fits on one line and into JSON, whatever bytes its name is made of.

    What is no printable text becomes an escape (C(\\n), C(\\xff)) and a backslash is doubled, so that two different
    names never look the same.
    """
    if path.isprintable() and "\\" not in path:
        return path
    return "".join(_escaped(character) for character in path)


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    # A byte that is no UTF-8, as Python carries it in a name.
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else ascii(character)[1:-1]
