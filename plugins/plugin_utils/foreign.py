# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes reports out of events that a foreign event source brought, into the journal.

What comes out of an event is the small safe event that a rulebook may see, or nothing. It never raises: an exception
in an event filter ends ansible-rulebook with all its rulesets.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ConfigurationError,
    InvalidInputError,
    JournalError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import WINDOW, window_from, worker
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake import dynatrace
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.nothing import NothingToRecordError
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics

LOGGER = logging.getLogger(__name__)

#: Where the work of this filter came from, as the journal has it.
ORIGIN = "filter"
#: A delivery that no playbook settles by then is made again by the source journal.
LEASE = timedelta(minutes=5)
#: Longer texts are no report (characters); the sources of this collection refuse such bodies too.
LONGEST_TEXT = 2**20

#: Who is understood: payload, tenant, key of the tag that names the service.
TRANSLATORS: Mapping[str, Callable[[Any, str, str], Problem]] = {dynatrace.SOURCE: dynatrace.translate}

#: Why nothing could be taken, and the HTTP status that says the same.
REASONS: Mapping[str, int] = {"not_understood": 400, "journal_failed": 503, "misconfigured": 500, "failed": 500}

Event = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What the arguments of the filter say."""

    source: str = dynatrace.SOURCE
    payload: str = "payload"
    journal: str | None = None
    tenant: str = "default"
    service_tag: str = "service"
    window: int = WINDOW


class Journals:
    """Open journals by their location. All filters of a process share them, and they stay open until it ends."""

    def __init__(self) -> None:
        self._open: dict[str | None, Journal] = {}
        self._lock = threading.Lock()

    def at(self, location: str | None) -> Journal:
        """Return the journal. Raises ConfigurationError or JournalError; the next call tries again."""
        with self._lock:
            if location not in self._open:
                self._open[location] = Journal.open(location)
            return self._open[location]

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


JOURNALS = Journals()


def take(event: Any, arguments: Mapping[str, Any]) -> Event | list[Event]:
    """Record what an event reports, and return the event that the rules get, or an empty list for none."""
    source = dynatrace.SOURCE
    try:
        settings = settings_from(arguments)
        source = settings.source
        return _take(event, settings)
    except NothingToRecordError as nothing:
        LOGGER.info("%s: nothing to record: %s", source, ascii(nothing.message))
        metrics().arrived(source, "duplicate")
        return []
    except InvalidInputError as error:
        return _refused(source, "not_understood", error)
    except JournalError as error:
        return _refused(source, "journal_failed", error)
    except ConfigurationError as error:
        return _refused(source, "misconfigured", error)
    except Exception as error:
        return _refused(source, "failed", error)


def settings_from(arguments: Mapping[str, Any]) -> Settings:
    """Return the settings. Raises ConfigurationError that names the argument."""
    known = Settings.__dataclass_fields__
    for name, value in arguments.items():
        if name not in known:
            raise ConfigurationError(f"filter incident: {name} is no argument, there are {', '.join(known)}")
        if name != "window" and not isinstance(value, str) and not (name == "journal" and value is None):
            raise ConfigurationError(f"filter incident: {name} must be text")
    settings = Settings(**{**arguments, "window": window_from(arguments, "filter incident")})
    if settings.source not in TRANSLATORS:
        raise ConfigurationError(f"filter incident: source must be one of {', '.join(TRANSLATORS)}")
    return settings


def payload_of(event: Any, place: str) -> Any:
    """Return what lies at C(place), names with dots between them, in an event; without any the event itself.

    The text of JSON is parsed. Raises InvalidInputError.
    """
    found = event
    for name in place.split(".") if place else ():
        if not isinstance(found, dict) or name not in found:
            raise InvalidInputError(f"the event has nothing at {place}")
        found = found[name]
    if isinstance(found, str):
        found = found.encode("utf-8", errors="replace")
    if isinstance(found, bytes):
        if len(found) > LONGEST_TEXT:
            raise InvalidInputError(f"the text at {place or 'the top'} is longer than {LONGEST_TEXT} bytes")
        found = parse_json(found, "the text")
    return found


def _take(event: Any, settings: Settings) -> Event | list[Event]:
    payload = payload_of(event, settings.payload)
    problem = TRANSLATORS[settings.source](payload, settings.tenant, settings.service_tag)
    journal = JOURNALS.at(settings.journal)
    recorded = journal.record_problem(problem, ORIGIN)
    metrics().arrived(settings.source, recorded.change)
    return [] if recorded.delivery is None else _hand_out(journal, recorded.delivery, settings.window)


def _hand_out(journal: Journal, due: str, window: int) -> Event | list[Event]:
    """Return the event of a delivery. What this engine has no room for is left to the source journal."""
    try:
        if journal.due.unsettled(worker()) >= window:
            return []
        delivery = journal.due.hand_out_one(due, LEASE, worker())
    except JournalError as error:
        LOGGER.warning("the report is in the journal, and is handed out from there later: %s", error.message)
        return []
    if delivery is None:
        return []
    metrics().handed_out(delivery.kind, False)
    return delivery.event()


def _refused(source: str, reason: str, error: Exception) -> Event:
    """Say what went wrong, once and in one line, and return what the rules may know of it."""
    LOGGER.error("%s: an event was not taken (%s): %s", source, reason, ascii(str(error) or type(error).__name__)[:500])
    metrics().refused(source, REASONS[reason])
    return {"refused": {"source": source, "reason": reason}}
