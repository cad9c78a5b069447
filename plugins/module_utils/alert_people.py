# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who was notified of an alert on which device, and who answered what and when, as results of modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .clients.xmatters import XMattersClient
from .clients.xmatters_values import Choice, Delivery
from .incident import iso


class People:
    """Names and addresses of people by user id. Each is asked for once, and only when it is wanted."""

    def __init__(self, client: XMattersClient, deliveries: Iterable[Delivery] = (), emails: bool = True) -> None:
        self._client = client
        self._names = {delivery.person.key: delivery.person.name for delivery in deliveries}
        self._emails: dict[str, str | None] = {}
        self._wants_emails = emails

    def name(self, key: str) -> str:
        if key not in self._names:
            person = self._client.person(key)
            self._names[key] = person.name if person else key
        return self._names[key]

    def email(self, key: str) -> str | None:
        """Return the address of the first e-mail device; None when it cannot be seen or is not wanted."""
        if not self._wants_emails:
            return None
        if key not in self._emails:
            self._emails[key] = self._client.email(key)
        return self._emails[key]


def notified(deliveries: Iterable[Delivery], people: People) -> list[dict[str, Any]]:
    return [
        {
            "key": delivery.person.key,
            "name": delivery.person.name,
            "email": people.email(delivery.person.key),
            "at": iso(delivery.at),
            "status": delivery.status,
            "devices": [
                {"name": sent.device, "status": sent.status, "at": iso(sent.at), "responded": iso(sent.responded)}
                for sent in delivery.sent
            ],
        }
        for delivery in deliveries
    ]


def responses(choices: Iterable[Choice], people: People) -> list[dict[str, Any]]:
    return [
        {
            "id": choice.id,
            "at": iso(choice.at),
            "who": people.name(choice.person),
            "key": choice.person,
            "email": people.email(choice.person),
            "option": choice.option,
            "number": choice.number,
            "comment": choice.comment,
            "device": choice.device,
            "source": choice.source,
        }
        for choice in choices
    ]


def responders(
    deliveries: Sequence[Delivery], choices: Sequence[Choice], people: People
) -> list[dict[str, str | None]]:
    """Return everybody who was notified or who answered, once."""
    keys = dict.fromkeys([*(one.person.key for one in deliveries), *(choice.person for choice in choices)])
    return [{"name": people.name(key), "email": people.email(key)} for key in keys]
