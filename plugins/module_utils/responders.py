# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who somebody is that answered, and what this person may choose. Pure.

Known are those whom the pager notified of the incident, those whom the policy names, and those for whom the channel
itself vouches. A name alone proves nothing: people are told apart by e-mail address or by the id of their channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .asking import Asking, Responder
from .incident import Answer, Incident


@dataclass(frozen=True)
class Person:
    """Who answered. C(key) is the same on every channel for a person who is known; C(named) is the policy's word."""

    name: str
    key: str
    known: bool
    personal: bool
    email: str | None = None
    named: Responder | None = None


def person_of(given: Answer, incident: Incident, asking: Asking) -> Person:
    """Return who gave an answer."""
    named = next((responder for responder in asking.responders if _is(responder, given)), None)
    email = _plain(given.email) or _plain(named.email if named else None)
    notified = next((one for one in incident.responders() if email and _plain(one.get("email")) == email), None)
    # A link that was sent to a group tells nothing about who used it.
    personal = given.channel == "playbook" or bool(given.person_id or email)
    name = named.name if named else str(notified["name"]) if notified else given.responder
    key = email or (f"name:{_plain(named.name)}" if named else None) or f"{given.channel}:{given.person_id or name}"
    known = given.vouched or given.channel == "playbook" or named is not None or notified is not None
    return Person(name=name, key=key, known=known, personal=personal, email=email, named=named)


def why_not(given: Answer, person: Person, option: Mapping[str, Any], incident: Incident) -> str | None:
    """Return why a person may not choose an option, None when nothing is against it."""
    if not person.known:
        return (
            f"nobody knows {given.responder} ({given.person_id or given.email or 'without an id'}); "
            "who was not called has to be named in self_healing_responders"
        )
    limited = list(option.get("people") or ())
    serious = limited or option.get("destructive") or int(option.get("approvals") or 1) > 1
    if serious and not person.personal:
        return "it takes a person who is known, and this link was sent to several"
    if limited and not {_plain(person.name), person.email} & {_plain(entry) for entry in limited}:
        return f"it is left to {', '.join(limited)}"
    # Whom the pager called for this incident may answer for its service.
    if person.named is not None and not given.vouched and not _was_called(person, incident):
        if person.named.services and incident.problem["service"] not in person.named.services:
            return f"self_healing_responders names them for {', '.join(person.named.services)} only"
        if person.named.options and option["name"] not in person.named.options:
            return f"self_healing_responders lets them choose {', '.join(person.named.options)} only"
    return None


def _is(responder: Responder, given: Answer) -> bool:
    email = _plain(given.email)
    if email and email == _plain(responder.email):
        return True
    known_as = (responder.ids or {}).get(given.channel)
    return bool(known_as) and known_as == given.person_id


def _was_called(person: Person, incident: Incident) -> bool:
    details = (tool.details for tool in incident.tools.values())
    called = {_plain(one.get("email")) for known in details for one in known.get("responders", ())}
    return person.email is not None and person.email in called


def _plain(text: Any) -> str | None:
    return text.strip().casefold() or None if isinstance(text, str) else None
