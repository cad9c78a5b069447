# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an answer out of the hint that somebody answered in xMatters: reads the alert and its audit log, and records.

What a webhook says is never recorded. Where xMatters cannot be asked now, the sender is told to repeat, and because it
usually does not, the hint is followed up in the background for some minutes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import XMattersClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import Choice, Event
from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import INCIDENT_ID, Answer
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.xmatters import ResponseHint, to_response_hint
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Inbound, Reply

LOGGER = logging.getLogger(__name__)

CHANNEL = "xmatters"
#: Pauses before xMatters is asked again, when it could not be asked (seconds).
UNREADABLE_PAUSES = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0)
#: Pauses before the audit log is read again, when the response is not in it yet (seconds).
UNCONFIRMED_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Alerts that are followed up at the same time; more hints than that are left to the sender.
MOST_FOLLOWED = 100


@dataclass(frozen=True)
class Reading:
    """What xMatters says about an alert.

    C(ours) tells that the alert belongs to an incident, C(confirmed) that the hinted answer is among C(answers), and
    C(problem) why it is not.
    """

    ours: bool
    answers: tuple[Answer, ...] = ()
    confirmed: bool = False
    problem: str | None = None


def read_answers(client: XMattersClient, alert: str, marker_property: str, hint: ResponseHint | None = None) -> Reading:
    """Return all answers to an alert, as xMatters itself has them. Blocking; raises the client's errors."""
    event = client.event(alert)
    if event is None:
        return Reading(False, problem="there is no such alert")
    incident = event.property(marker_property)
    # The alerts after the first carry their number as well.
    incident = incident.partition(".")[0] if isinstance(incident, str) else ""
    if not INCIDENT_ID.fullmatch(incident):
        return Reading(False, problem=f"the alert belongs to no incident (its property {marker_property} is none)")
    choices = [choice for choice in client.choices(event.id) if choice.id and choice.person and choice.option]
    names = {key: _name(client, key) for key in {choice.person for choice in choices}}
    answers = tuple(_answer(event, incident, choice, names[choice.person]) for choice in choices)
    confirmed = hint is not None and any(_same(choice, names[choice.person], hint) for choice in choices)
    return Reading(True, answers, confirmed, None if confirmed else "no such response is in the alert's audit log")


def _name(client: XMattersClient, key: str) -> str:
    person = client.person(key)
    return person.name if person else key


def _answer(event: Event, incident: str, choice: Choice, name: str) -> Answer:
    return Answer(
        channel=CHANNEL,
        alert_id=event.id,
        incident_id=incident,
        responder=name,
        choice=choice.option,
        comment=choice.comment,
        at=choice.at,
        key=choice.id,
        person_id=choice.person,
        # An alert can only be answered by somebody whom xMatters notified of it.
        vouched=True,
    )


def _same(choice: Choice, name: str, hint: ResponseHint) -> bool:
    people = (choice.person.casefold(), name.casefold())
    return choice.option.casefold() == hint.option.casefold() and hint.responder.casefold() in people


class AnswerIntake:
    """Handles the response webhook of xMatters for one event source.

    C(connect) returns a client: a new one per reading, as sessions are not shared between threads.
    """

    def __init__(
        self,
        desk: Desk,
        connect: Callable[[], XMattersClient],
        marker_property: str = "incident_id",
        *,
        unreadable_pauses: Sequence[float] = UNREADABLE_PAUSES,
        unconfirmed_pauses: Sequence[float] = UNCONFIRMED_PAUSES,
    ) -> None:
        self._desk = desk
        self._connect = connect
        self._marker_property = marker_property
        self._unreadable_pauses = tuple(unreadable_pauses)
        self._unconfirmed_pauses = tuple(unconfirmed_pauses)
        self._readers = asyncio.Semaphore(4)
        self._followed: dict[ResponseHint, asyncio.Task[None]] = {}

    async def handle(self, inbound: Inbound) -> Reply:
        """Answer one webhook: 200 recorded, 202 not confirmed (yet), 503 xMatters or the journal failed.

        Raises InvalidInputError when the body is no response.
        """
        hint = to_response_hint(inbound.json, self._marker_property)
        try:
            reading = await self._read_and_record(hint.event, hint)
        except SelfHealingError as error:
            LOGGER.error("answer to alert %s: cannot be confirmed now: %s", hint.event, error.message)
            self._follow(hint, self._unreadable_pauses)
            return Reply(503, {"error": "the answer cannot be confirmed now"}, {"Retry-After": "5"})
        if reading.confirmed:
            return Reply(200, {"status": "recorded"})
        LOGGER.warning("answer to alert %s: nothing recorded: %s", hint.event, reading.problem)
        if reading.ours:
            self._follow(hint, self._unconfirmed_pauses)
        return Reply(202, {"status": "not confirmed"})

    async def look(self, alert: str) -> None:
        """Record all answers to an alert that are not recorded yet. Raises the client's errors and JournalError."""
        await self._read_and_record(alert)

    async def stop(self) -> None:
        """End what is followed up in the background."""
        tasks = list(self._followed.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_and_record(self, alert: str, hint: ResponseHint | None = None) -> Reading:
        async with self._readers:
            reading = await asyncio.to_thread(lambda: read_answers(self._connect(), alert, self._marker_property, hint))
            for answer in reading.answers:
                await self._desk.record(answer)
        return reading

    def _follow(self, hint: ResponseHint, pauses: Sequence[float]) -> None:
        """Try again later, unless this hint is followed already or too many are."""
        if hint in self._followed:
            return
        if len(self._followed) >= MOST_FOLLOWED:
            LOGGER.error("answer to alert %s: not followed up, %d others are", hint.event, MOST_FOLLOWED)
            return
        task = asyncio.get_running_loop().create_task(self._follow_up(hint, pauses))
        self._followed[hint] = task
        task.add_done_callback(lambda _done: self._followed.pop(hint, None))

    async def _follow_up(self, hint: ResponseHint, pauses: Sequence[float]) -> None:
        problem: str | None = None
        for pause in pauses:
            await asyncio.sleep(pause)
            try:
                reading = await self._read_and_record(hint.event, hint)
            except SelfHealingError as error:
                problem = error.message
                continue
            if reading.confirmed:
                return
            problem = reading.problem
        LOGGER.error("answer to alert %s: given up after %g s: %s", hint.event, sum(pauses), problem)
