# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings one xMatters alert to its desired state: look, compare, write the difference, tell what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import alert_plan
from .clients.xmatters import XMattersClient
from .clients.xmatters_values import Event
from .errors import ApiError, ConflictError, UnclearOutcomeError
from .incident import iso

T = TypeVar("T")

#: How long a new alert may take to say whom it notifies; later runs tell it anyhow (seconds).
NOTIFIED_WAIT = 3.0


def keep_alert(client: XMattersClient, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring the alert to its desired state and return the result of the module C(xmatters_alert).

    C(params) are the module's. Raises UnclearOutcomeError when nobody can tell whether an alert was sent, and all other
    errors of the client.
    """
    alert = _find(client, params)
    shown = _markers(client, alert)
    before = _picture(alert, shown)
    end = params["status"] == "terminated"
    requested = alert is None and params["create"] and not end
    if requested:
        # Also in check mode, so that a wrong option is told before it matters.
        body = alert_plan.trigger_body(params)
        alert = None if check_mode else _send(client, params, body)
    if alert is None:
        comments = [comment["id"] for comment in params["comments"]] if requested else []
        after = {"status": "active", "comments": comments} if requested else before
        return {**_nobody(), "changed": requested, "requested": False, "diff": {"before": before, "after": after}}
    shown = _markers(client, alert) if requested else shown
    posted = _comment(client, params, alert, shown, check_mode)
    ended = end and not alert_plan.terminated(alert)
    if ended and not check_mode:
        alert = _terminate(client, alert)
    after = {"status": "terminated" if ended else _status(alert), "comments": [*before["comments"], *posted]}
    return {
        **_result(client, params, alert, wait=requested),
        "changed": requested or bool(posted) or ended,
        "requested": requested,
        "diff": {"before": before, "after": after},
    }


def _find(client: XMattersClient, params: Mapping[str, Any]) -> Event | None:
    """Return the alert with the marker, whatever its status is."""
    name, marker = params["marker_property"], params["marker"]
    if params["known_id"]:
        known = client.event(params["known_id"])
        if known is not None and alert_plan.carries(known, name, marker):
            return known
    query = {"propertyName": f"{name}#{params['marker_language']}", "propertyValue": marker}
    # No document says that terminated alerts are listed without being asked for.
    found = client.events(**query) or client.events(**query, status="TERMINATED")
    return alert_plan.choose(found, name, marker)


def _send(client: XMattersClient, params: Mapping[str, Any], body: Mapping[str, Any]) -> Event:
    """Trigger the alert and return it once it can be seen. An unclear trigger is looked up, never repeated."""
    wait = float(params["consistency_wait"])
    try:
        request_id = client.trigger(body)
    except UnclearOutcomeError as error:
        alert = _until(lambda: _find(client, params), wait)
        if alert is None:
            raise UnclearOutcomeError(
                f"{error.message}; no alert with {params['marker_property']} {params['marker']} came in {wait:g} s, "
                "and the next run looks again before it sends one"
            ) from None
        return alert
    alert = _until(lambda: _by_request(client, request_id) if request_id else _find(client, params), wait)
    if alert is None:
        raise UnclearOutcomeError(
            f"xMatters accepted the request {request_id} and made no alert of it in {wait:g} s; the activity log of "
            "the form says why (an unknown recipient, a missing property, flood control)",
            request_id=request_id,
        )
    return alert


def _by_request(client: XMattersClient, request_id: str) -> Event | None:
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


def _terminate(client: XMattersClient, alert: Event) -> Event:
    try:
        return client.set_status(alert.id, "TERMINATED")
    except (UnclearOutcomeError, ConflictError):
        now = client.event(alert.id)
        if now is not None and alert_plan.terminated(now):
            return now
        # Ending an alert twice does no harm.
        return client.set_status(alert.id, "TERMINATED")


def _markers(client: XMattersClient, alert: Event | None) -> list[str]:
    return sorted(alert_plan.markers(client.annotations(alert.id))) if alert else []


def _status(alert: Event) -> str:
    return "terminated" if alert_plan.terminated(alert) else alert.status.lower()


def _picture(alert: Event | None, comments: list[str]) -> dict[str, Any]:
    """Return what a diff shows of the alert."""
    return {"status": _status(alert) if alert else "absent", "comments": comments}


def _nobody() -> dict[str, Any]:
    empty: dict[str, Any] = {"id": None, "number": None, "url": None, "status": None}
    return {**empty, "notified": [], "responses": [], "responders": []}


def _result(client: XMattersClient, params: Mapping[str, Any], alert: Event, wait: bool) -> dict[str, Any]:
    deliveries = _until(lambda: client.deliveries(alert.id), NOTIFIED_WAIT if wait else 0.0) or []
    choices = client.choices(alert.id)
    people = {delivery.person.key: delivery.person.name for delivery in deliveries}
    for choice in choices:
        if choice.person not in people:
            person = client.person(choice.person)
            people[choice.person] = person.name if person else choice.person
    emails = {key: client.email(key) for key in people}
    return {
        "id": alert.id,
        "number": alert.number,
        "url": _url(params, alert),
        "status": _status(alert),
        "notified": [
            {
                "key": delivery.person.key,
                "name": delivery.person.name,
                "email": emails[delivery.person.key],
                "at": iso(delivery.at),
                "status": delivery.status,
            }
            for delivery in deliveries
        ],
        "responses": [
            {
                "at": iso(choice.at),
                "who": people[choice.person],
                "key": choice.person,
                "option": choice.option,
                "comment": choice.comment,
            }
            for choice in choices
        ],
        "responders": [{"name": name, "email": emails[key]} for key, name in people.items()],
    }


def _url(params: Mapping[str, Any], alert: Event) -> str:
    if params["alert_url"]:
        return str(params["alert_url"]).replace("<id>", alert.id).replace("<number>", alert.number)
    base = str(params["xmatters_url"]).rstrip("/").removesuffix("/api/xm/1")
    return base + alert.link


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
