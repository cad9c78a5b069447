# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A notification that was answered 200 is never lost, whenever the process that took it is killed."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from bench.notifications import notification
from demo.processes import Program, tail
from demo.scenarios.process_crash import free_port

KILLS = 8
SENDERS = 4
TOKEN = "chaos-intake-token"
PATIENCE = 60.0


class Sender(threading.Thread):
    """Posts one problem after the other, each until it is answered 200, as the monitoring system would."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(name=f"sender {number}", daemon=True)
        self._number = number
        self._port = port
        self.stop = threading.Event()
        #: Ids of the problems that were answered 200, and how many posts broke off.
        self.answered: list[str] = []
        self.broken = 0
        self.refused = False

    def run(self) -> None:
        body, pid = notification()
        while not self.stop.is_set():
            mine = f"-{self._number}{len(self.answered):09d}_1790000000000V2"
            if self._post(body.replace(pid, mine)):
                self.answered.append(mine)

    def _post(self, body: str) -> bool:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("POST", "/dynatrace", body.encode(), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            self.broken += 1
            self.stop.wait(0.01)
            return False
        finally:
            connection.close()
        # The monitoring system repeats what was not taken, but not what was refused.
        self.refused |= answer.status not in (200, 503)
        return answer.status == 200


@pytest.fixture
def senders() -> Iterator[list[Sender]]:
    running: list[Sender] = []
    yield running
    for sender in running:
        sender.stop.set()
    for sender in running:
        sender.join(PATIENCE)


def start(folder: Path, port: int, journal: Path) -> Program:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SELF_HEALING_JOURNAL": str(journal),
        "DYNATRACE_WEBHOOK_TOKEN": TOKEN,
        # Never asked: nobody answers anything here.
        "XMATTERS_URL": "http://127.0.0.1:9",
        "XMATTERS_USER": "nobody",
        "XMATTERS_PASSWORD": TOKEN,
        "HOME": str(folder),
    }
    command = [sys.executable, "-m", "support.intake", str(port)]
    return Program("intake", command, environment, folder, folder / "intake.log")


def test_what_was_answered_is_in_the_journal_after_every_kill(tmp_path: Path, senders: list[Sender]) -> None:
    chance, port, location = random.Random(1), free_port(), tmp_path / "journal.db"
    senders += [Sender(number, port) for number in range(1, SENDERS + 1)]
    program = start(tmp_path, port, location)
    try:
        for sender in senders:
            sender.start()
        for _kill in range(KILLS):
            before = [len(sender.answered) for sender in senders]
            deadline = time.monotonic() + PATIENCE
            # Every sender has been answered by this process, so that each has a post on its way when it is killed.
            while any(len(sender.answered) <= known for sender, known in zip(senders, before, strict=True)):
                program.require_running()
                assert time.monotonic() < deadline, tail(program.log)
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.1))
            program.kill()
            program = start(tmp_path, port, location)
        for sender in senders:
            sender.stop.set()
            sender.join(PATIENCE)
            assert not sender.is_alive()
    finally:
        program.stop()
    answered = {incident_id("dynatrace", "default", pid) for sender in senders for pid in sender.answered}
    journal = Journal.open(str(location))
    try:
        known = set(journal.list_incidents(limit=10**6))
        assert answered - known == set()
        # At most what each sender had on its way at the end was written and not answered.
        assert len(known - answered) <= SENDERS
        figures = journal.due.figures()
        # Each of them is due, once.
        assert figures.waiting + figures.unsettled == len(known)
        assert [n for n in known if [entry.kind for entry in journal.read(n).timeline] != ["detected"]] == []
    finally:
        journal.close()
    assert not any(sender.refused for sender in senders)
    assert sum(len(sender.answered) for sender in senders) > KILLS * SENDERS
    assert all(sender.broken >= 1 for sender in senders)
