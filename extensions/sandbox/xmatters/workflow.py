# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one workflow of the emulated xMatters: its form, properties, layout, permissions and integrations.

Everything is a plain attribute, so that a test can take away what somebody forgot to set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .company import stable_id
from .model import Option
from .shapes import API, Wire, whole
from .trigger import FORM_OPTIONS

#: The properties of the form, all of them texts, with the most characters that each takes.
PROPERTIES: Mapping[str, int] = {
    "incident_id": 2000,
    "subject": 2000,
    "message": 20000,
    "short": 2000,
    "service": 2000,
    "host": 2000,
    "severity": 2000,
    "kind": 2000,
    "problem_id": 2000,
    "problem_url": 2000,
    "link": 2000,
}


@dataclass
class Property:
    """A property of the workflow. C(placed) tells whether it is in the layout, C(told) whether webhooks tell it."""

    name: str
    kind: str = "TEXT"
    longest: int = 2000
    placed: bool = True
    required: bool = False
    told: bool = True


@dataclass
class Integration:
    """An integration of the workflow. C(address) is where an outbound one posts to."""

    id: str
    name: str
    kind: str
    triggered_by: str = ""
    deployed: bool = True
    address: str | None = None


@dataclass
class Workflow:
    """What was set up. C(recipients) and C(senders) are references to people, groups and roles."""

    properties: list[Property] = field(
        default_factory=lambda: [Property(name, longest=longest) for name, longest in PROPERTIES.items()]
    )
    options: list[Option] = field(default_factory=lambda: list(FORM_OPTIONS))
    recipients: list[Wire] = field(default_factory=list)
    senders: list[Wire] = field(default_factory=list)
    integrations: list[Integration] = field(default_factory=list)
    enabled: bool = True
    api_enabled: bool = True

    def find(self, name: str) -> Property:
        """Return the property of this name. Raises KeyError when there is none."""
        return {one.name: one for one in self.properties}[name]

    # -- as the REST API shows it ------------------------------------------------------------------------------------

    def plan(self) -> Wire:
        return {
            **wire.PLAN,
            "planType": "PLAN",
            "description": "Asks the person on call which remedy may run",
            "enabled": self.enabled,
            "editable": True,
            "accessibleByAll": True,
            "floodControl": False,
            "created": "2026-01-05T09:00:00.000Z",
            "links": {"self": f"{API}/plans/{wire.PLAN['id']}"},
        }

    def form(self, path: str, embed: list[str]) -> Wire:
        body: Wire = {
            **wire.FORM,
            "formId": stable_id("form number"),
            "description": "One alert of an incident",
            "mobileEnabled": True,
            "uiEnabled": True,
            "apiEnabled": self.api_enabled,
            "plan": wire.PLAN,
            "links": {"self": path},
        }
        if "recipients" in embed:
            body["recipients"] = whole(self.recipients)
        return body

    def definitions(self) -> list[Wire]:
        return [_definition(one) for one in self.properties]

    def sections(self) -> list[Wire]:
        """Return the layout: two sections without properties, and one that has them all."""
        items = [
            {
                "id": stable_id(f"item:{one.name}"),
                "formSection": {"id": stable_id("section:CUSTOM_SECTION")},
                "orderNum": number,
                "required": one.required,
                "multiLineText": one.name == "message",
                "visible": True,
                "includeInCallback": one.told,
                "propertyDefinition": _definition(one),
            }
            for number, one in enumerate((one for one in self.properties if one.placed), start=1)
        ]
        return [
            _section("RECIPIENTS", 1, recipients=whole(self.recipients)),
            _section("CUSTOM_SECTION", 2, title="Incident", items=items),
            _section("RESPONSE_CHOICES", 3),
        ]

    def response_options(self) -> list[Wire]:
        return [wire.option(option) for option in self.options]

    def permissions(self) -> list[Wire]:
        return [{"senderType": str(one.get("recipientType", "ROLE")), "sender": one} for one in self.senders]

    def all_integrations(self) -> list[Wire]:
        return [_integration(one) for one in self.integrations]


def _definition(one: Property) -> Wire:
    return {
        "id": stable_id(f"property:{one.name}"),
        "propertyType": one.kind,
        "name": one.name,
        "description": "",
        "helpText": "",
        "maxLength": one.longest,
        "minLength": 0,
        "validate": False,
    }


def _section(kind: str, number: int, **more: Any) -> Wire:
    return {
        "id": stable_id(f"section:{kind}"),
        "form": dict(wire.FORM),
        "type": kind,
        "title": kind.replace("_", " ").capitalize(),
        "visible": True,
        "collapsed": False,
        "orderNum": number,
        **more,
    }


def _integration(one: Integration) -> Wire:
    body: Wire = {
        "id": one.id,
        "plan": {"id": wire.PLAN["id"]},
        "form": dict(wire.FORM),
        "name": one.name,
        "integrationType": one.kind,
        "operation": "",
        "authenticationType": "BASIC",
        "deployed": one.deployed,
        "originType": "INTEGRATION_BUILDER",
    }
    if one.triggered_by:
        body["triggeredBy"] = one.triggered_by
    if one.address:
        endpoint = {"id": stable_id(f"endpoint:{one.id}"), "url": one.address, "authenticationType": "BASIC"}
        body["endpoint"] = {**endpoint, "plan": wire.PLAN, "endpointType": "HTTP"}
    return body
