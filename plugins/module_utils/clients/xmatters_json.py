# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the JSON of xMatters leniently: what is missing or of another shape is empty, and nothing raises. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Where the REST API begins, below the address of the instance.
REST = "api/xm/1/"
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def mapping(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}


def items(item: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return what an embedded listing holds. Where a list stands instead of a page, it is taken too."""
    value = item.get(name)
    value = value.get("data") if isinstance(value, Mapping) else value
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def whole(value: Any) -> int | None:
    """Return a whole number, also where it came as text, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return int(value) if _WHOLE.fullmatch(str(value).strip()) else None


def text(item: Mapping[str, Any], name: str) -> str:
    """Return a field as text, empty when it is missing."""
    value = item.get(name)
    return "" if value is None or isinstance(value, (Mapping, list)) else str(value)
