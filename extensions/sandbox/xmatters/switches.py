# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be switched in the emulated xMatters: what the vendor may do and no document promises, and bad days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

STYLES = ("integration", "agent", "flow")
WEBHOOK_KINDS = ("response", "status", "delivery")
RESTRICTIONS = ("empty", "forbidden", "forbidden_empty")


@dataclass(eq=False)
class Switches:
    """The switches with the values that they have at first."""

    #: Seconds (of real time) between the acceptance of a trigger and its event.
    event_delay: float = 0.05
    #: Seconds (of real time) for which user-deliveries of a new event are answered 404.
    deliveries_delay: float = 0.0
    #: Seconds between two members of a group, in the place of the delays of its shift.
    member_delay: float | None = None
    #: Flood control: triggers are accepted and make no event.
    flood_control: bool = False
    #: Whether listings hold terminated events without being asked for them by status (no document says).
    lists_terminated: bool = True
    #: Whether somebody whose notifying was stopped by another one's answer can still answer (no document says).
    late_answers: bool = True
    #: What a terminated event answers to another status: 409 here, perhaps 400 there.
    terminated_status: int = 409
    #: Whether a refresh token is good for one use only, and whether listings of events may show their properties.
    rotates_refresh_tokens: bool = True
    hidden_properties: bool = False
    #: C(ignored) or C(refused): what happens to fields that POST /events does not know.
    unknown_fields: str = "ignored"
    #: How many requests a minute are answered, 0 for any number; and Retry-After of the 429 in seconds, 0 for none.
    requests_per_minute: int = 0
    retry_after: int = 0
    #: What the caller may not see: first part of the path below the API to C(empty) (listings hold nothing),
    #: C(forbidden) (403) or C(forbidden_empty) (403 without a body).
    restricted: dict[str, str] = field(default_factory=dict)
    #: Target names (C(person|device)) of devices that nothing can be delivered to.
    broken_devices: list[str] = field(default_factory=list)
    #: How often one webhook is posted, and how often a failed post is repeated (none is documented).
    webhook_copies: int = 1
    webhook_retries: int = 0
    #: C(integration), C(agent) or C(flow): see wire.response_webhook.
    webhook_style: str = "integration"
    #: Which outbound integrations the form has; those that are not about responses add C(?type=) to the address.
    webhook_kinds: list[str] = field(default_factory=lambda: ["response"])
    #: Webhooks are kept back until somebody lets them go: late, or in another order.
    webhook_held: bool = False


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return C(values) if all of them can be set. Raises ValueError that names what is wrong."""
    usual = Switches()
    known = {one.name: getattr(usual, one.name) for one in fields(Switches)}
    choices = {
        "webhook_style": STYLES,
        "unknown_fields": ("ignored", "refused"),
        "webhook_kinds": WEBHOOK_KINDS,
        "restricted": RESTRICTIONS,
    }
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name} is not a switch; known are {', '.join(known)}")
        if not _same_kind(known[name], value):
            raise ValueError(f"{name} has the wrong type")
        chosen = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        wrong = [one for one in chosen if name in choices and one not in choices[name]]
        if wrong:
            raise ValueError(f"{name} knows {', '.join(choices[name])}, not {wrong[0]!r:.50}")
    return dict(values)


def _same_kind(usual: Any, value: Any) -> bool:
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(usual, bool) and isinstance(value, bool)
    if usual is None or isinstance(usual, float):
        return isinstance(value, int | float) or (usual is None and value is None)
    return isinstance(value, type(usual))
