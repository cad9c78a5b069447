# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one xMatters alert to its desired state: look, compare, write the difference, tell what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from . import alert_plan
from .alert_people import People, notified, responders, responses
from .alert_trigger import trigger_body, trigger_query
from .clients.xmatters import XMattersClient
from .clients.xmatters_values import Event, Option
from .errors import ApiError, ConfigurationError, ConflictError, UnclearOutcomeError

T = TypeVar("T")

#: How long a new alert may take to say whom it notifies; later runs tell it anyhow (seconds).
NOTIFIED_WAIT = 3.0


def keep_alert(client: XMattersClient, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring the alert to its desired state and return the result of the module C(xmatters_alert).

    C(params) are the module's. Raises UnclearOutcomeError when nobody can tell whether an alert was sent, and all other
    errors of the client.
    """
    alert = find_alert(client, params)
    shown = _markers(client, alert)
    before = _picture(alert, shown)
    requested = alert is None and params["create"] and params["status"] == "active"
    if requested:
        # Also in check mode, so that a wrong option is told before it matters.
        body = trigger_body(params, _options_of_form(client, params))
        alert = None if check_mode else _send(client, params, body)
    if alert is None:
        comments = [comment["id"] for comment in params["comments"]] if requested else []
        after = {"status": "active", "comments": comments} if requested else before
        return {**_nobody(), "changed": requested, "requested": False, "diff": {"before": before, "after": after}}
    shown = _markers(client, alert) if requested else shown
    posted = _comment(client, params, alert, shown, check_mode)
    moved = alert_plan.wanted_status(alert, params["status"], params["resume"])
    if moved is not None and not check_mode:
        alert = _move(client, alert, moved)
    after = {"status": (moved or alert_plan.status_of(alert)).lower(), "comments": [*before["comments"], *posted]}
    return {
        **_result(client, params, alert, wait=requested),
        "changed": requested or bool(posted) or moved is not None,
        "requested": requested,
        "diff": {"before": before, "after": after},
    }


def find_alert(client: XMattersClient, params: Mapping[str, Any]) -> Event | None:
    """Return the alert with the marker, whatever its status is."""
    name, marker = params["marker_property"], params["marker"]
    if params["known_id"]:
        known = client.event(params["known_id"])
        if known is not None and alert_plan.may_be(known, name, marker):
            return known
    query = {"propertyName": f"{name}#{params['marker_language']}", "propertyValue": marker}
    # No document says that alerts which are not active are listed without being asked for.
    looks: tuple[dict[str, str], ...] = ({}, {"status": "TERMINATED"}, {"status": "SUSPENDED"})
    found: list[Event] = next((listed for look in looks if (listed := client.events(**query, **look))), [])
    # Where a listing does not tell the properties, the alert itself may.
    told = [event if event.properties else client.event(event.id) or event for event in found]
    return alert_plan.choose(told, name, marker)


def _options_of_form(client: XMattersClient, params: Mapping[str, Any]) -> list[Option]:
    """Return the form's own options where the trigger has to name them by their UUID."""
    named = params["response_options"] and params["response_options_in_trigger"] and not params["body"]
    if not named or params["response_options_form"] == "full":
        return []
    if all(option.get("id") for option in params["response_options"]):
        return []
    if not params["form_id"]:
        raise ConfigurationError(
            "form_id is missing: with response_options_form object or uuid the options are looked up in the form; "
            "give the form's UUID, or each option its id"
        )
    return client.forms.options(params["form_id"])


def _send(client: XMattersClient, params: Mapping[str, Any], body: Mapping[str, Any]) -> Event:
    """Trigger the alert and return it once it can be seen. An unclear trigger is looked up, never repeated."""
    wait = float(params["consistency_wait"])
    try:
        request_id = client.trigger(body, trigger_query(params))
    except UnclearOutcomeError as error:
        alert = _until(lambda: find_alert(client, params), wait)
        if alert is None:
            raise UnclearOutcomeError(
                f"{error.message}; no alert with {params['marker_property']} {params['marker']} came in {wait:g} s, "
                "and the next run looks again before it sends one"
            ) from None
        return alert
    alert = _until(lambda: alert_of_request(client, request_id) if request_id else find_alert(client, params), wait)
    if alert is None:
        raise UnclearOutcomeError(
            f"xMatters accepted the request {request_id} and made no alert of it in {wait:g} s; the activity log of "
            "the form says why (an unknown recipient, a missing property, flood control)",
            request_id=request_id,
        )
    return alert


def alert_of_request(client: XMattersClient, request_id: str) -> Event | None:
    """Return the alert that was made of a request."""
    return next(iter(client.events(requestId=request_id)), None)


def _comment(
    client: XMattersClient, params: Mapping[str, Any], alert: Event, shown: list[str], check_mode: bool
) -> list[str]:
    """Write the comments that are missing and return their identifiers."""
    posted: list[str] = []
    for comment in alert_plan.missing(params["comments"], shown):
        try:
            if not check_mode:
                _annotate(client, params, alert, comment)
        except ApiError as error:
            if alert_plan.terminated(alert) and (isinstance(error, ConflictError) or error.status == 400):
                break  # An alert that is over may take no more comments; they are in all other tools.
            raise
        posted.append(comment["id"])
    return posted


def _annotate(client: XMattersClient, params: Mapping[str, Any], alert: Event, comment: Mapping[str, Any]) -> None:
    """Write one comment. Where it is unclear whether that happened, look; the next run writes what is not there."""
    try:
        client.annotate(alert.id, alert_plan.marked(comment))
    except UnclearOutcomeError:
        if not _until(lambda: comment["id"] in _markers(client, alert), float(params["consistency_wait"])):
            raise


def _move(client: XMattersClient, alert: Event, status: str) -> Event:
    """Give the alert another status. Doing that twice does no harm."""
    try:
        moved = client.set_status(alert.id, status)
    except (UnclearOutcomeError, ConflictError):
        now = client.event(alert.id)
        if now is not None and (now.status == status or alert_plan.terminated(now)):
            return now
        moved = client.set_status(alert.id, status)
    # The answer may be short: what it does not tell is as it was.
    return replace(alert, status=moved.status or status)


def _markers(client: XMattersClient, alert: Event | None) -> list[str]:
    return sorted(alert_plan.markers(client.annotations(alert.id))) if alert else []


def _picture(alert: Event | None, comments: list[str]) -> dict[str, Any]:
    """Return what a diff shows of the alert."""
    return {"status": alert_plan.status_of(alert) if alert else "absent", "comments": comments}


def _nobody() -> dict[str, Any]:
    empty: dict[str, Any] = {"id": None, "number": None, "url": None, "status": None, "priority": None}
    return {**empty, "request_id": None, "notified": [], "responses": [], "responders": []}


def _result(client: XMattersClient, params: Mapping[str, Any], alert: Event, wait: bool) -> dict[str, Any]:
    deliveries = _until(lambda: client.deliveries(alert.id), NOTIFIED_WAIT if wait else 0.0) or []
    choices = client.choices(alert.id)
    people = People(client, deliveries)
    return {
        "id": alert.id,
        "number": alert.number,
        "url": alert_url(params, alert),
        "status": alert_plan.status_of(alert),
        "priority": alert.priority.lower() or None,
        "request_id": alert.request_id,
        "notified": notified(deliveries, people),
        "responses": responses(choices, people),
        "responders": responders(deliveries, choices, people),
        **_warnings(params, alert),
    }


def _warnings(params: Mapping[str, Any], alert: Event) -> dict[str, list[str]]:
    """Say it when nobody would find the alert again: whoever does not know its id would alert people once more."""
    name = params["marker_property"]
    if not alert.properties or alert.property(name) is not None:
        return {}
    warning = (
        f"The alert {alert.number} does not carry the property {name}, by which it is found again. Add the property to "
        "the form, or have the flow set it; the playbook connect_xmatters looks for it."
    )
    return {"warnings": [warning]}


def alert_url(params: Mapping[str, Any], alert: Event) -> str:
    """Return where people find the alert."""
    if params["alert_url"]:
        return str(params["alert_url"]).replace("<id>", alert.id).replace("<number>", alert.number)
    return alert_plan.link_of(alert, str(params["xmatters_url"]))


def _until(look: Callable[[], T | None], seconds: float) -> T | None:
    """Return what C(look) finds, looking again with growing pauses for C(seconds)."""
    end = time.monotonic() + seconds
    # Short at first: an alert that is there in an instant is told of in an instant.
    pause = 0.02
    while True:
        found = look()
        left = end - time.monotonic()
        if found or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(pause * 2, 2.0)
