# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows (C(plans) in the API) and their forms, on the wire and as values. Reads only.

The paths are the documented ones. Fields without another source are as python-xmatters has them; a field that an
instance does not tell is None, so that nobody takes it for a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .xmatters_connection import Connection, segment
from .xmatters_directory_values import Target, to_target
from .xmatters_json import items, mapping, text, whole
from .xmatters_values import Option, to_option


@dataclass(frozen=True)
class Workflow:
    id: str
    name: str
    enabled: bool | None


@dataclass(frozen=True)
class Form:
    """A form. C(api) says whether it may be sent through the API."""

    id: str
    name: str
    workflow_id: str
    workflow: str
    api: bool | None
    mobile: bool | None
    web: bool | None


@dataclass(frozen=True)
class Property:
    """A property of a workflow. C(kind) is C(TEXT), C(NUMBER), C(BOOLEAN), C(LIST_TEXT_SINGLE_SELECT), ..."""

    id: str
    name: str
    kind: str
    longest: int | None = None


@dataclass(frozen=True)
class Placed:
    """A property in the layout of a form. C(told) says whether it is included in outbound integrations."""

    name: str
    required: bool | None
    told: bool | None


@dataclass(frozen=True)
class Integration:
    """An inbound or outbound integration. C(address) is where an outbound one posts to, without secrets."""

    id: str
    name: str
    kind: str
    triggered_by: str
    deployed: bool | None
    form_id: str
    form: str
    authentication: str
    address: str | None


class Forms:
    """Reads workflows and forms. Raises what C(Api.call) raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def workflows(self) -> list[Workflow]:
        return [
            Workflow(text(item, "id"), text(item, "name"), _flag(item, "enabled"))
            for item in self._connection.listing("plans")
        ]

    def forms(self, workflow_id: str) -> list[Form]:
        return [to_form(item) for item in self._connection.listing(f"plans/{segment(workflow_id)}/forms")]

    def properties(self, workflow_id: str) -> list[Property]:
        return [
            Property(
                text(item, "id"), text(item, "name"), text(item, "propertyType").upper(), whole(item.get("maxLength"))
            )
            for item in self._connection.listing(f"plans/{segment(workflow_id)}/property-definitions")
        ]

    def layout(self, form_id: str) -> list[Placed]:
        """Return the properties in the sections of a form."""
        sections = self._connection.listing(f"forms/{segment(form_id)}/sections")
        placed = [entry for section in sections for entry in items(section, "items") or items(section, "properties")]
        return [
            Placed(
                text(mapping(entry, "propertyDefinition"), "name") or text(entry, "name"),
                _flag(entry, "required"),
                _flag(entry, "includeInCallback"),
            )
            for entry in placed
        ]

    def options(self, form_id: str) -> list[Option]:
        return [to_option(item) for item in self._connection.listing(f"forms/{segment(form_id)}/response-options")]

    def recipients(self, form_id: str) -> list[Target]:
        found = self._connection.get(f"forms/{segment(form_id)}", {"embed": "recipients"})
        return [to_target(item) for item in items(found, "recipients")]

    def senders(self, form_id: str) -> list[Target]:
        """Return who may send the form: people, groups and roles."""
        rows = self._connection.listing(f"forms/{segment(form_id)}/sender-permissions")
        return [_to_sender(item) for item in rows]

    def integrations(self, workflow_id: str) -> list[Integration]:
        rows = self._connection.listing(f"plans/{segment(workflow_id)}/integrations", {"embed": "endpoint"})
        return [to_integration(item) for item in rows]


def to_form(item: Mapping[str, Any]) -> Form:
    plan = mapping(item, "plan")
    return Form(
        id=text(item, "id"),
        name=text(item, "name"),
        workflow_id=text(plan, "id"),
        workflow=text(plan, "name"),
        api=_flag(item, "apiEnabled"),
        mobile=_flag(item, "mobileEnabled"),
        web=_flag(item, "uiEnabled"),
    )


def to_integration(item: Mapping[str, Any]) -> Integration:
    form = mapping(item, "form")
    address = text(mapping(item, "endpoint"), "url")
    return Integration(
        id=text(item, "id"),
        name=text(item, "name"),
        kind=text(item, "integrationType").upper(),
        triggered_by=text(item, "triggeredBy").upper(),
        deployed=_flag(item, "deployed"),
        form_id=text(form, "id"),
        form=text(form, "name"),
        authentication=text(item, "authenticationType").upper(),
        address=without_secrets(address) if address else None,
    )


def without_secrets(address: str) -> str:
    """Return an address without what may be secret in it: user, password, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _to_sender(item: Mapping[str, Any]) -> Target:
    """Read one permission: C({senderType, sender}), where the sender is a reference, a name or a role."""
    sender = item.get("sender")
    reference = dict(sender) if isinstance(sender, Mapping) else {"targetName": str(sender or "")}
    if not item.get("senderType") and not sender:
        reference = dict(item)
    name = text(reference, "targetName") or text(reference, "name")
    kind = text(item, "senderType").upper() or text(reference, "recipientType").upper()
    return to_target({**reference, "targetName": name, "recipientType": kind or "PERSON"})


def _flag(item: Mapping[str, Any], name: str) -> bool | None:
    value = item.get(name)
    return value if isinstance(value, bool) else None
