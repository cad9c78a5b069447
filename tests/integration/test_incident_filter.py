# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook with a foreign event source, and the filter that makes incidents of its events."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import psycopg

from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from demo.scenarios.process_crash import free_port
from support.dynatrace_forms import PID, davis
from support.dynatrace_source import INCIDENT, notification
from support.postgres import Server
from support.rulebook import rulebook

ATTACK = "Low disk space {{ lookup('pipe', 'id') }}"


def test_what_a_foreign_source_brings_is_an_incident_and_the_rules_see_the_safe_event_only(tmp_path: Path) -> None:
    port = free_port()
    webhook = {"host": "127.0.0.1", "port": port}
    stream = {"eda.builtin.webhook": webhook, "filters": [{"self_healing.devops.incident": {"payload": "payload"}}]}
    rules = [shows("problem.incident", "PROBLEM"), shows("refused.reason", "REFUSED")]
    with rulebook(tmp_path / "engine", rules, foreign=[stream], stop_patience=0) as engine:
        engine.until(lambda: post(port, {"eventData": {"not": "understood"}}), "the webhook")
        engine.until(lambda: "REFUSED {'source': 'dynatrace', 'reason': 'not_understood'}" in engine.log, "the refusal")
        assert post(port, {"eventData": davis(**{"event.name": ATTACK})}, {"X-Secret": "hidden"})
        engine.until(lambda: "PROBLEM {" in engine.log, "the problem")
        incident = incident_id("dynatrace", "default", PID)
        shown = engine.log[engine.log.index("PROBLEM {") :]
        assert f"'incident': '{incident}', 'kind': 'disk_pressure', 'status': 'open'" in shown
        assert re.search(r"'uuid': 'd[0-9a-f]{32}'", shown)
        for unsafe in ("hidden", "lookup", "headers", "eventData"):
            assert unsafe not in shown
        journal = engine.journal
        assert journal.read(incident).problem["title"] == ATTACK
        journal.close()


def test_what_comes_through_an_event_stream_is_an_incident(tmp_path: Path, postgres: Server) -> None:
    """An event stream hands on what was posted to it over PostgreSQL, with the headers of the sender."""
    dsn = postgres.database().replace("postgresql+psycopg", "postgresql")
    listener = {"dsn": dsn, "channels": ["dynatrace"]}
    stream = {
        "eda.builtin.pg_listener": listener,
        "filters": [{"self_healing.devops.incident": {"payload": "payload"}}],
    }
    rules = [shows("problem.incident", "PROBLEM")]
    told = {"payload": notification(), "meta": {"headers": {"X-Secret": "hidden"}, "hosts": "all"}}
    with rulebook(tmp_path / "engine", rules, foreign=[stream], stop_patience=0) as engine:

        def notify() -> bool:
            # Nobody hears it before the source listens, and more than once it is a duplicate.
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("SELECT pg_notify('dynatrace', %s)", [json.dumps(told)])
            return "PROBLEM {" in engine.log

        engine.until(notify, "the problem")
        shown = engine.log[engine.log.index("PROBLEM {") :]
        assert f"'incident': '{INCIDENT}', 'kind': 'process_crash', 'status': 'open'" in shown
        for unsafe in ("hidden", "lookup", "headers", "hosts"):
            assert unsafe not in shown
        assert engine.log.count("PROBLEM {") == 1


def shows(field: str, word: str) -> dict[str, Any]:
    """Return a rule that writes the whole event to the log."""
    name = field.partition(".")[0]
    message = f"{word} {{{{ event.{name} }}}} {{{{ event }}}}"
    return {"name": word, "condition": f"event.{field} is defined", "action": {"debug": {"msg": message}}}


def post(port: int, body: Any, headers: dict[str, str] | None = None) -> bool:
    """Post to the webhook, and say whether it was taken: not before it listens."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/endpoint", data, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
