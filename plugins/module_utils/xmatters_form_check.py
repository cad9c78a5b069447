# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares a form of an instance with what the collection sends and expects back, and says where to click. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from .clients.xmatters_forms import Form, Integration
from .clients.xmatters_values import Option
from .errors import InvalidInputError
from .xmatters_form_read import Found

FORMAT = "self_healing.devops.xmatters_workflow/1"
MISSING, UNSURE = "missing", "unsure"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it has to be, or that the API does not tell (C(level) C(missing) or C(unsure)).

    C(part) is what it is about: workflow, form, property, option, recipients, sender, trigger or webhook.
    """

    level: str
    part: str
    name: str
    text: str
    mend: str

    def to_data(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Wanted:
    """What is needed. C(options_sent) says that alerts bring their response options, C(recipients_sent) recipients."""

    workflow: str
    form: str
    properties: Sequence[Mapping[str, Any]]
    options: Sequence[Mapping[str, Any]]
    options_sent: bool = True
    recipients_sent: bool = False
    webhook_url: str | None = None
    function: str | None = None
    user: str | None = None


def check(found: Found, wanted: Wanted) -> list[Finding]:
    """Return everything that is missing or cannot be told, in the order in which it is best mended."""
    return list(_findings(found, wanted))


def _findings(found: Found, wanted: Wanted) -> Iterator[Finding]:
    others = ", ".join(repr(name[:60]) for name in found.others[:20]) or "none"
    if found.workflow is None:
        yield Finding(
            MISSING,
            "workflow",
            wanted.workflow,
            f"there is no workflow {wanted.workflow!r} that this user may see (there are: {others})",
            "Workflows > New Workflow, with this name; or name yours in xmatters_workflow",
        )
        return
    if found.workflow.enabled is False:
        yield Finding(
            MISSING, "workflow", found.workflow.name, "it is disabled", "Workflows > switch it on in the list"
        )
    if found.form is None:
        yield Finding(
            MISSING,
            "form",
            wanted.form,
            f"the workflow has no form {wanted.form!r} (it has: {others})",
            f"Workflows > {found.workflow.name} > Forms > New Form; or name yours in xmatters_form",
        )
        return
    place = f"Workflows > {found.workflow.name} > Forms > {found.form.name} > Edit"
    if found.form.api is False:
        mend = f"Workflows > {found.workflow.name} > Forms > {found.form.name} > Web Service (API) > Enable"
        yield Finding(MISSING, "form", found.form.name, "it cannot be sent through the API", mend)
    yield from _properties(found, wanted, place)
    yield from _options(found, wanted, place)
    yield from _recipients(found, wanted, place)
    yield from _sender(found, wanted, place)
    builder = f"Workflows > {found.workflow.name} > Integration Builder"
    yield from _trigger(found, wanted, builder)
    yield from _webhook(found, found.form, wanted, builder)


def _properties(found: Found, wanted: Wanted, place: str) -> Iterator[Finding]:
    """Each property: in the workflow, of the right type and length, in the layout, and told to the webhook."""
    defined = {one.name: one for one in found.properties or ()}
    placed = {one.name: one for one in found.layout or ()}
    for entry in wanted.properties:
        name, kind = str(entry["name"]), str(entry.get("type") or "TEXT")
        longest, known = entry.get("longest"), defined.get(name)
        if found.properties is not None and known is None:
            text = f"the workflow has no property {name!r} of the type {kind.capitalize()}"
            yield Finding(
                MISSING, "property", name, text, f"{place} > Layout > Create a Property > {kind.capitalize()}"
            )
            continue
        if known is not None and known.kind and known.kind != kind:
            text = f"it is of the type {known.kind}, and has to be {kind}"
            yield Finding(MISSING, "property", name, text, f"{place} > Properties > delete it and create it again")
        if known is not None and longest and known.longest is not None and known.longest < longest:
            text = f"it takes {known.longest} characters, and up to {longest} are sent"
            yield Finding(MISSING, "property", name, text, f"{place} > Properties > {name} > Maximum Length {longest}")
        if found.layout is not None and name not in placed:
            text = "it is not in the layout of the form, so that it is not filled in"
            yield Finding(MISSING, "property", name, text, f"{place} > Layout > drag {name} into a section")
            continue
        if entry.get("in_callbacks") and name in placed and placed[name].told is not True:
            level = MISSING if placed[name].told is False else UNSURE
            text = (
                "the response webhook does not tell it"
                if level == MISSING
                else "whether the webhook tells it is unknown"
            )
            mend = f"{place} > Layout > {name} > Include in Outbound Integrations"
            yield Finding(level, "property", name, text, mend)
    if found.properties is None or found.layout is None:
        mend = "give the user the right to edit the workflow, or compare the form with workflow.json by eye"
        yield Finding(UNSURE, "property", "", "the properties or the layout of the form may not be seen", mend)
    for name in sorted(name for name, one in placed.items() if one.required is True):
        if name not in {str(entry["name"]) for entry in wanted.properties}:
            text = "the form requires it, and alerts do not bring it: they would be refused"
            mend = f"{place} > Layout > {name} > no longer required; or give it in xmatters_properties"
            yield Finding(UNSURE, "property", name, text, mend)


def _options(found: Found, wanted: Wanted, place: str) -> Iterator[Finding]:
    """The form's own options count only where alerts do not bring theirs."""
    if wanted.options_sent:
        text = "alerts bring their own options, and the API does not tell whether the form takes them"
        mend = (
            "send one test alert and look at it; if it offers the form's options, set "
            "xmatters_response_options_in_trigger to false and run this again"
        )
        yield Finding(UNSURE, "option", "", text, mend)
        return
    if found.options is None:
        mend = f"look at {place} > Responses"
        yield Finding(UNSURE, "option", "", "the response options of the form may not be seen", mend)
        return
    known = {option.text.strip().casefold(): option for option in found.options}
    for entry in wanted.options:
        option = known.get(str(entry["text"]).casefold())
        if option is None:
            mend = (
                f"{place} > Responses > Add: number {entry.get('number')}, response {entry['text']!r}, "
                f"action {entry.get('action')}, contribution {entry.get('contribution')}, comments allowed"
            )
            yield Finding(MISSING, "option", str(entry["text"]), "the form has no such response option", mend)
        else:
            yield from _option(option, entry, place)


def _option(option: Option, entry: Mapping[str, Any], place: str) -> Iterator[Finding]:
    for what, is_now, has_to_be in (
        ("action", option.action, entry.get("action")),
        ("contribution", option.contribution, entry.get("contribution")),
    ):
        if is_now and has_to_be and is_now != has_to_be:
            more = "; the result could no longer be shown on the alert" if is_now == "END" else ""
            text = f"its {what} is {is_now}, and has to be {has_to_be}{more}"
            yield Finding(MISSING, "option", option.text, text, f"{place} > Responses > {option.text} > {what}")
    if not option.comments:
        mend = f"{place} > Responses > {option.text} > Allow comments"
        yield Finding(UNSURE, "option", option.text, "responders cannot add a comment to it", mend)


def _recipients(found: Found, wanted: Wanted, place: str) -> Iterator[Finding]:
    for name in found.unknown or ():
        text = "there is no such group, person or device, or this user may not see it: nobody would be alerted"
        mend = "correct xmatters_recipients, or create it under Groups or Users"
        yield Finding(MISSING, "recipients", name, text, mend)
    if found.unknown is None:
        mend = "give the user a role that may see groups and users"
        yield Finding(UNSURE, "recipients", "", "whether the recipients exist cannot be seen", mend)
    if wanted.recipients_sent:
        return
    mend = f"{place} > Layout > Recipients; or name recipients in xmatters_recipients"
    if found.recipients is None:
        yield Finding(UNSURE, "recipients", "", "the recipients of the form may not be seen", mend)
    elif not found.recipients:
        yield Finding(MISSING, "recipients", "", "neither alerts nor the form name anybody to notify", mend)


def _sender(found: Found, wanted: Wanted, place: str) -> Iterator[Finding]:
    """Whoever triggers the form needs sender permission on it."""
    mend = f"{place.removesuffix(' > Edit')} > Permissions > Sender Permissions > add the user or one of its roles"
    name = wanted.user or ""
    if found.senders is None:
        yield Finding(UNSURE, "sender", name, "who may send the form cannot be seen", mend)
        return
    allowed = {text.casefold() for one in found.senders for text in (one.key, one.id) if text}
    sender = found.sender
    if sender is not None:
        mine = {text.casefold() for text in (sender.key, sender.id, sender.login, *sender.roles) if text}
        if not mine & allowed:
            yield Finding(MISSING, "sender", name, "the user has no sender permission on the form", mend)
    elif name.casefold() not in allowed:
        listed = ", ".join(repr(one.key) for one in found.senders[:10]) or "nobody"
        text = f"whose API key this is cannot be told; {listed} may send the form"
        yield Finding(UNSURE, "sender", name, text, mend)


def _trigger(found: Found, wanted: Wanted, builder: str) -> Iterator[Finding]:
    mend = f"{builder} > Inbound Integrations > Add: Create a new xMatters alert, the form, no transformation"
    if wanted.function is None:
        text = "xmatters_form_url is not set, or is no address of an HTTP trigger"
        yield Finding(MISSING, "trigger", "", text, f"{mend}; then copy its URL")
        return
    known = next((one for one in found.integrations or () if one.id == wanted.function), None)
    if known is None:
        text = "xmatters_form_url is the trigger of no integration that can be seen; a flow's trigger never is"
        yield Finding(UNSURE, "trigger", "", text, "send one test alert")
        return
    if known.deployed is False:
        yield Finding(MISSING, "trigger", known.name, "it is not deployed", f"{builder} > {known.name} > switch it on")
    if found.form is not None and known.form_id and known.form_id != found.form.id:
        text = f"it sends the form {known.form or known.form_id!r}, and not {found.form.name!r}"
        yield Finding(
            MISSING, "trigger", known.name, text, f"{builder} > {known.name}; or name that form in xmatters_form"
        )


def _webhook(found: Found, form: Form, wanted: Wanted, builder: str) -> Iterator[Finding]:
    """The outbound integration that tells of responses."""
    address = wanted.webhook_url or "https://your-host/xmatters"
    mend = (
        f"{builder} > Outbound Integrations > Add: trigger Responses, form {form.name}, action Send a webhook, to "
        f"{address} with the authentication of the event source; or in a flow an HTTP step behind Responses"
    )
    if found.integrations is None:
        yield Finding(UNSURE, "webhook", "", "the integrations of the workflow may not be seen", mend)
        return
    hooks = [one for one in found.integrations if _tells_responses(one, form)]
    if not hooks:
        text = "nothing tells the event source of responses: it would find them only when it asks"
        yield Finding(MISSING, "webhook", "", text, mend)
        return
    if all(hook.deployed is False for hook in hooks):
        text = "no response webhook is deployed"
        yield Finding(MISSING, "webhook", hooks[0].name, text, f"{builder} > {hooks[0].name} > switch it on")
    addresses = [hook.address for hook in hooks if hook.address]
    if not addresses:
        text = "where it posts to is not told"
        yield Finding(UNSURE, "webhook", hooks[0].name, text, f"look whether it is {address}")
    elif wanted.webhook_url and not any(_same_place(one, wanted.webhook_url) for one in addresses):
        text = f"it posts to {', '.join(addresses)}, and the event source is at {wanted.webhook_url}"
        yield Finding(MISSING, "webhook", hooks[0].name, text, f"{builder} > {hooks[0].name} > Endpoint")


def _tells_responses(integration: Integration, form: Form) -> bool:
    outbound = "OUTBOUND" in integration.kind or (not integration.kind and bool(integration.triggered_by))
    mine = not integration.form_id or integration.form_id == form.id
    return outbound and "RESPONSE" in integration.triggered_by and mine


def _same_place(address: str, wanted: str) -> bool:
    """Compare two addresses. An endpoint may hold the server only: the path is then written in the integration."""
    try:
        one, other = urlsplit(address), urlsplit(wanted)
    except ValueError:
        return False
    same_server = (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.rpartition("@")[2].lower())
    return same_server and (one.path.rstrip("/") in ("", other.path.rstrip("/")))


def understand(description: Mapping[str, Any]) -> tuple[str, str, list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return names of workflow and form, properties and options of a description. Raises InvalidInputError."""
    if description.get("format") != FORMAT:
        raise InvalidInputError(f"wanted: its format is {str(description.get('format'))[:60]!r}, expected {FORMAT!r}")
    names = []
    for part in ("workflow", "form"):
        value = description.get(part)
        name = value.get("name") if isinstance(value, Mapping) else None
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"wanted: {part}.name is missing")
        names.append(name)
    lists: list[list[Mapping[str, Any]]] = []
    for part, key in (("properties", "name"), ("response_options", "text")):
        entries = description.get(part)
        if not isinstance(entries, list) or not all(isinstance(one, Mapping) and one.get(key) for one in entries):
            raise InvalidInputError(f"wanted: {part} must be a list of objects with {key}")
        lists.append([dict(entry) for entry in entries])
    return names[0], names[1], lists[0], lists[1]
