# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the hosts of the inventory that fit what a problem impacts, by exact comparison only. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .incident import Incident
from .policy import Candidate


@dataclass(frozen=True)
class ManagedHost:
    """A host that may be healed, with what monitoring systems may call it.

    C(entities) are identifiers of entities; C(name) is its name in the monitoring system where that is another one.
    """

    host: str
    entities: Sequence[str] = ()
    name: str | None = None
    address: str | None = None


def find(incident: Incident, fleet: Sequence[ManagedHost], others: Sequence[str]) -> list[Candidate]:
    """Return the hosts that fit the entities of an incident, the root cause before what merely suffers.

    The identifier of the entity goes before the name, and the name before the address. C(others) are hosts that may not
    be healed: they are compared by name only, so that a decision can say that a host exists and is not managed.
    """
    cause, entities = incident.problem["root_cause"], incident.problem["entities"]
    for impacted in ([cause] if cause else [], entities):
        identifiers = {entity["id"] for entity in impacted}
        names = {_plain(entity["name"]) for entity in impacted} - {""}
        for by, found in (
            ("entity id", [one for one in fleet if not identifiers.isdisjoint(one.entities)]),
            ("name", [one for one in fleet if not names.isdisjoint((_plain(one.host), _plain(one.name)))]),
            ("address", [one for one in fleet if _plain(one.address) in names]),
        ):
            if found:
                return [Candidate(one.host, True, by) for one in found]
        strangers = [host for host in others if _plain(host) in names]
        if strangers:
            return [Candidate(host, False, "name") for host in strangers]
    return []


def _plain(name: str | None) -> str:
    return (name or "").strip().casefold()
