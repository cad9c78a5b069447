# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remedy blue_green_rollback where traffic goes to one of two colours: real routers, and a declared command.

Every case is a host of its own, and all of them are played by one playbook.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.wire import now
from sandbox.dynatrace.world import Sample
from support.one_tool import OneTool, start_tool
from support.playbook import LOCAL, PlaybookRun, heal_play, include, run_playbook
from support.routers import Colour, Router, haproxy, missing, nginx

ROLE = "self_healing.devops.blue_green_rollback"
#: A declared command: the live colour is the text of a file.
COMMAND = """\
import pathlib, sys
live = pathlib.Path(sys.argv[1])
if len(sys.argv) > 2:
    live.write_text(sys.argv[2])
print(live.read_text())
"""
SLOW = 0.35
#: A host of the inventory that nobody can reach.
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
PLAY = heal_play(
    ROLE,
    [
        {"name": "It failed", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}},
        {
            "name": "Undo",
            "block": [include("Undo", ROLE, "undo")],
            "rescue": [{"name": "It stays", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}],
            "when": "blue_green_rollback_after is defined",
        },
    ],
    hosts="all:!localhost:!router:!gone",
)


class Declared:
    """A router behind a declared command. A release may be sick only while it is live."""

    def __init__(self, folder: Path, name: str, live: str = "green") -> None:
        self.file = folder / f"{name}.live"
        self.file.write_text(live)

    @property
    def live(self) -> str:
        return self.file.read_text()


class SickWhenLive(Colour):
    """A release that is healthy until users come."""

    def __init__(self, version: str, declared: Declared, name: str, seconds: float, status: int) -> None:
        super().__init__(version)
        self._declared, self._name, self._worse = declared, name, (seconds, status)

    def answer(self) -> tuple[float, int]:
        return self._worse if self._declared.live == self._name else super().answer()


@dataclass
class Case:
    """One host: its variables, and how to look which colour gets its traffic."""

    variables: dict[str, Any] = field(default_factory=dict)
    declared: Declared | None = None
    router: Router | None = None


@dataclass
class Night:
    run: PlaybookRun
    cases: dict[str, Case]
    journal: Journal
    incidents: dict[str, str]
    folder: Path
    dynatrace: OneTool[Dynatrace]

    def failed(self, host: str) -> str:
        [told] = self.run.of(host, "It failed")
        return str(told.result["msg"])

    def live(self, host: str) -> str:
        case = self.cases[host]
        if case.declared is not None:
            return case.declared.live
        assert case.router is not None
        return {"2.7.0": "blue", "2.7.1": "green"}[case.router.version()]


def problem(name: str, opened: timedelta) -> Problem:
    return Problem(
        source="dynatrace",
        tenant="default",
        problem_id=name,
        display_id="P-1",
        status="open",
        title="Response time degradation",
        kind="bad_release",
        severity="high",
        opened_at=datetime.now(timezone.utc) - opened,
    )


class Stage:
    """Builds the cases."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.cases: dict[str, Case] = {}
        self.incidents: dict[str, str] = {}
        self.journal = Journal.open(str(folder / "journal.db"))
        self.dynatrace = stack.enter_context(start_tool(Dynatrace))
        self._stack = stack
        (folder / "command.py").write_text(COMMAND)

    def enter(self, router: AbstractContextManager[Router]) -> Router:
        return self._stack.enter_context(router)

    def serve(self, colour: Colour) -> Colour:
        return self._stack.enter_context(colour.serving())

    def colours(self, green: Colour, blue: Colour, servers: dict[str, list[str]] | None = None) -> dict[str, Any]:
        both = {"blue": blue, "green": green}
        return {name: {"url": colour.url, "servers": (servers or {}).get(name, [])} for name, colour in both.items()}

    def command(self, name: str, green: Colour, blue: Colour, declared: Declared, **more: Any) -> None:
        program = [sys.executable, str(self.folder / "command.py"), str(declared.file)]
        settings = {
            "provider": "command",
            "show_command": program,
            "switch_command": program,
            "colours": self.colours(green, blue),
        }
        self.cases[name] = Case({**prefixed(settings), **more}, declared)

    def incident(self, name: str, opened: timedelta) -> None:
        """Give a case an open incident."""
        self.journal.record_problem(problem(name, opened))
        number = problem(name, opened).incident
        self.incidents[name] = number
        self.cases[name].variables["self_healing_incident"] = {**self.journal.read(number).to_dict(), "attempt": 1}


def prefixed(settings: dict[str, Any]) -> dict[str, Any]:
    return {f"blue_green_rollback_{name}": value for name, value in settings.items()}


def set_up(stage: Stage) -> None:
    good, slow = stage.serve(Colour("2.7.0")), stage.serve(Colour("2.7.1"))
    slow.seconds = SLOW
    if not missing("haproxy"):
        folder = stage.folder / "haproxy"
        folder.mkdir()
        router = stage.enter(haproxy(folder, good, slow))
        settings = {
            "provider": "haproxy",
            "router": "router",
            "become": False,
            "colours": stage.colours(slow, good, {"blue": ["blue"], "green": ["green"]}),
            "haproxy_socket": str(folder / "admin.sock"),
            "haproxy_state_file": str(folder / "server-state"),
            "haproxy_config_file": str(folder / "haproxy.cfg"),
            "probe_url": router.url,
        }
        stage.cases["haproxy"] = Case(prefixed(settings), router=router)
    if not missing("nginx"):
        folder = stage.folder / "nginx"
        folder.mkdir()
        router = stage.enter(nginx(folder, good, slow))
        servers = {"blue": [f"127.0.0.1:{good.port}"], "green": [f"127.0.0.1:{slow.port}"]}
        settings = {
            "provider": "nginx",
            "become": False,
            "colours": stage.colours(slow, good, servers),
            "nginx_file": str(folder / "upstreams/shop.conf"),
            "nginx_test_command": [*router.command, "-t"],
            "nginx_reload_command": [*router.command, "-s", "reload"],
            "nginx_pid_file": str(folder / "nginx.pid"),
            "probe_url": router.url,
        }
        stage.cases["nginx"] = Case(prefixed(settings), router=router)

    gone = Colour("2.6.9")
    with gone.serving():
        pass
    stage.command("other_down", slow, gone, Declared(stage.folder, "other_down"))

    stage.command("router_gone", slow, good, Declared(stage.folder, "router_gone"), blue_green_rollback_router="gone")

    worse = Declared(stage.folder, "worse")
    stage.command("worse", slow, stage.serve(SickWhenLive("2.7.0", worse, "blue", 0, 503)), worse)

    # It answers our requests well, and what it says of its version is an attack.
    strange = stage.serve(Colour("{{ lookup('ansible.builtin.pipe', 'touch " + str(stage.folder / "owned") + "') }}"))
    stage.command("reported", strange, good, Declared(stage.folder, "reported"))
    stage.incident("reported", timedelta(minutes=2))
    entity = stage.dynatrace.tool.world.entity("SERVICE-00000000000000A1", "shop").id
    stage.dynatrace.tool.world.samples[entity] = deque([Sample(now() - 90_000, True, 950_000)])
    told = {"entity": entity, "url": stage.dynatrace.url, "token": stage.dynatrace.settings.dynatrace_token}
    dynatrace = {**{f"dynatrace_{name}": value for name, value in told.items()}, "dynatrace_wait_seconds": 0}
    stage.cases["reported"].variables |= prefixed(dynatrace)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("colours")
    with ExitStack() as stack:
        stage = Stage(folder, stack)
        set_up(stage)
        common = prefixed(
            {
                "service": "shop",
                "probe_requests": 4,
                "probe_parallel": 2,
                "max_p95_ms": 1000 * SLOW / 2,
                "verify_seconds": 1,
                "drain_seconds": 5,
            }
        )
        hosts = {name: {**LOCAL, **common, **case.variables} for name, case in stage.cases.items()}
        run = run_playbook(
            [PLAY],
            {**hosts, "router": LOCAL, "gone": GONE, "localhost": LOCAL},
            environment={"SELF_HEALING_JOURNAL": str(folder / "journal.db")},
        )
        assert run.returncode == 0, run.output
        yield Night(run, stage.cases, stage.journal, stage.incidents, folder, stage.dynatrace)


def facts(night: Night, host: str, phase: str) -> list[dict[str, Any]]:
    name = f"blue_green_rollback_{phase}"
    found = [task.result.get("ansible_facts", {}) for task in night.run.of(host)]
    return [one[name] for one in found if name in one]


@pytest.mark.parametrize("host", ["haproxy", "nginx"])
def test_a_slow_release_is_rolled_back(night: Night, host: str) -> None:
    if host not in night.cases:
        pytest.skip(f"{host} is not installed")
    assert night.live(host) == "blue"
    assert night.run.failure(host) is None
    assert len(night.run.changed(host)) == 1, "nothing but the switch"
    before, after = facts(night, host, "before")[0], facts(night, host, "after")[0]
    assert (before["healthy"], after["healthy"]) == (False, True)
    assert (before["figures"]["live"], before["figures"]["other"]) == ("green 2.7.1", "blue 2.7.0")
    assert after["figures"]["live"] == "blue 2.7.0"
    assert before["figures"]["p95_ms"] > 1000 * SLOW > 2 * after["figures"]["p95_ms"]
    assert before["figures"]["other_p95_ms"] < 1000 * SLOW / 2
    assert (after["figures"]["users_error_percent"], after["figures"]["live_minutes"]) == (0, 0)


def test_nothing_is_switched_to_a_release_that_is_down(night: Night) -> None:
    assert night.live("other_down") == "green"
    assert night.failed("other_down") == (
        "blue is no release to go back to: it gives no answer (p95 – ms, 100.0 % failed). Nothing was switched. "
        "Mend one of the two, or decide for one by hand"
    )


def test_a_router_that_cannot_be_reached_is_told(night: Night) -> None:
    said = night.failed("router_gone")
    assert said.startswith("gone, which has the router of shop, cannot be reached: ")
    assert "Connection refused" in said


def test_a_rollback_that_made_it_worse_is_taken_back(night: Night) -> None:
    assert "live is blue 2.7.0 never answers 200 (p95 – ms, 100.0 % failed)" in night.failed("worse")
    assert night.failed("worse").endswith("the live release is not healthy.")
    assert len(night.run.of("worse", "Switch with the command")) == 2
    assert night.live("worse") == "green"


def test_an_open_problem_is_believed_and_what_a_release_says_is_never_run(night: Night) -> None:
    assert night.live("reported") == "blue"
    evidence = night.journal.read(night.incidents["reported"]).evidence
    assert evidence["before"] is not None
    assert evidence["after"] is not None
    assert evidence["before"]["healthy"] is False
    assert (evidence["before"]["figures"]["bad_colour"], evidence["before"]["figures"]["live"]) == ("green", "green")
    assert evidence["before"]["text"].startswith("shop: live is green is healthy (p95 ")
    assert evidence["after"]["figures"]["live"] == "blue 2.7.0"
    assert not (night.folder / "owned").exists()


def test_dynatrace_is_asked_and_told(night: Night) -> None:
    evidence = night.journal.read(night.incidents["reported"]).evidence
    assert evidence["before"] is not None
    assert evidence["after"] is not None
    # Nothing was measured since, as the first minute after it is not over.
    assert (
        evidence["before"]["figures"]["dynatrace_response_ms"],
        evidence["before"]["figures"]["dynatrace_failure_percent"],
    ) == (950, 0)
    assert evidence["after"]["figures"]["dynatrace_response_ms"] is None
    [event] = night.dynatrace.tool.world.events.values()
    assert (event.type, event.title) == ("CUSTOM_DEPLOYMENT", "shop was rolled back to blue 2.7.0")
    assert event.properties["dt.event.deployment.version"] == "2.7.0"
    assert event.properties["self_healing.bad_version"] == "green", "a strange version is none"
    assert night.incidents["reported"] in event.properties["self_healing.incident"]
