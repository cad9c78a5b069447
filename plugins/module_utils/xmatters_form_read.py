# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that an instance tells of one form: its workflow, layout, options, recipients, senders and integrations.

What the user may not see is None, so that nobody takes it for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .clients.xmatters import XMattersClient
from .clients.xmatters_directory_values import Target, User
from .clients.xmatters_forms import Form, Integration, Placed, Property, Workflow
from .clients.xmatters_values import Option
from .errors import ApiError, ConfigurationError

T = TypeVar("T")
Named = TypeVar("Named", Workflow, Form)
#: Answers that say: not for you, or not in this version.
_NOT_TOLD = frozenset({400, 403, 404, 405, 406, 501})


@dataclass(frozen=True)
class Found:
    """What there is. C(sender) is the user that sends the alerts, where it can be told who that is.

    C(unknown) are the recipients that do not exist, None when it could not be looked up.
    """

    workflow: Workflow | None = None
    form: Form | None = None
    properties: Sequence[Property] | None = None
    layout: Sequence[Placed] | None = None
    options: Sequence[Option] | None = None
    recipients: Sequence[Target] | None = None
    senders: Sequence[Target] | None = None
    integrations: Sequence[Integration] | None = None
    sender: User | None = None
    unknown: Sequence[str] | None = ()
    #: The workflows, or the forms of the workflow, that there are instead.
    others: Sequence[str] = ()


def read_form(client: XMattersClient, workflow: str, form: str, user: str | None, recipients: Sequence[Any]) -> Found:
    """Read the form. Raises ConfigurationError when a name means several, and what C(Api.call) raises."""
    forms = client.forms
    workflows = forms.workflows()
    plan = _one(workflows, workflow, "workflow")
    if plan is None:
        return Found(others=[one.name for one in workflows])
    listed = forms.forms(plan.id)
    chosen = _one(listed, form, "form")
    if chosen is None:
        return Found(workflow=plan, others=[one.name for one in listed])
    return Found(
        workflow=plan,
        form=chosen,
        properties=_told(lambda: forms.properties(plan.id)),
        layout=_told(lambda: forms.layout(chosen.id)),
        options=_told(lambda: forms.options(chosen.id)),
        recipients=_told(lambda: forms.recipients(chosen.id)),
        senders=_told(lambda: forms.senders(chosen.id)),
        integrations=_told(lambda: forms.integrations(plan.id)),
        sender=_told(lambda: _user(client, user)) if user else None,
        unknown=_told(lambda: _unknown(client, recipients)),
    )


def _one(listed: Sequence[Named], wanted: str, option: str) -> Named | None:
    """Return the workflow or form of this UUID or name."""
    by_id = [one for one in listed if one.id == wanted]
    named = [one for one in listed if one.name.casefold() == wanted.strip().casefold()]
    if len(named) > 1 and not by_id:
        ids = ", ".join(one.id for one in named)
        raise ConfigurationError(f"{option}: {len(named)} are called {wanted!r}; give the UUID of one: {ids}")
    return next(iter(by_id or named), None)


def _told(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except ApiError as error:
        if error.status in _NOT_TOLD:
            return None
        raise


def _user(client: XMattersClient, name: str) -> User | None:
    """Return the user of this name. The name of an API key is not that of a user."""
    return client.directory.user(name) or next(iter(client.directory.users(webLogin=name, embed="roles")), None)


def _unknown(client: XMattersClient, recipients: Sequence[Any]) -> list[str]:
    """Return the recipients that do not exist."""
    return [name for name, kind in map(_name_and_kind, recipients) if not _exists(client, name, kind)]


def _name_and_kind(recipient: Any) -> tuple[str, str | None]:
    if isinstance(recipient, Mapping):
        return str(recipient.get("name") or ""), recipient.get("type")
    return str(recipient), None


def _exists(client: XMattersClient, name: str, kind: str | None) -> bool:
    directory = client.directory
    if kind == "device" or (kind is None and "|" in name):
        owner, _bar, device = name.partition("|")
        known = directory.devices(owner) if directory.user(owner) is not None else []
        return any(one.name.casefold() == device.strip().casefold() for one in known)
    as_group = kind in (None, "group") and directory.group(name) is not None
    return as_group or (kind in (None, "person") and directory.user(name) is not None)
