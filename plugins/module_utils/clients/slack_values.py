# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of Slack that others than its client need, read from its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class User:
    """Somebody in Slack's directory. C(team) is the workspace that the account belongs to.

    C(is_person) is False for apps, for accounts that were deactivated, and for people of other organisations.
    """

    id: str
    name: str
    email: str | None
    team: str
    is_person: bool
    email_confirmed: bool

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> User:
        told = data.get("profile")
        profile: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
        name = profile.get("real_name") or data.get("real_name") or profile.get("display_name") or data.get("name")
        email = profile.get("email")
        strange = any(data.get(flag) for flag in ("deleted", "is_bot", "is_app_user", "is_stranger"))
        return cls(
            id=str(data["id"]),
            name=str(name or data["id"]),
            email=email if isinstance(email, str) and "@" in email else None,
            team=str(data.get("team_id") or ""),
            is_person=not strange,
            # Slack tells it of some accounts only; it is the exception that matters.
            email_confirmed=data.get("is_email_confirmed") is not False,
        )
