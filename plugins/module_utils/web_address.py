# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells what people and browsers may be led to. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_web_address(link: str) -> bool:
    """Tell whether C(link) is an http or https address: others, like C(javascript), could do something."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
