# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where blue_green_rollback goes and what it says, decided by the expressions of the role's own files."""

from __future__ import annotations

import functools
import inspect
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from support.tree import ROOT

FOLDER = ROOT / "roles/blue_green_rollback"
COLOURS = {"blue": {"url": "http://127.0.0.1:1/"}, "green": {"url": "http://127.0.0.1:2/"}}
GOOD = {"healthy": True, "wrong": None, "error_percent": 0.0, "p50_ms": 9.0, "p95_ms": 12.0, "version": "2.7.0"}
SLOW = {**GOOD, "healthy": False, "wrong": "slow", "p95_ms": 1840.0, "version": "2.7.1"}
DOWN = {"healthy": False, "wrong": "no_answer", "error_percent": 100.0, "p50_ms": None, "p95_ms": None, "version": None}
SETTLED = {"pending": False, "since_seconds": 660, "reason": ""}


@functools.cache
def loaded(file: Path) -> dict[str, Any]:
    """Return the variables of a file of the role. Newer releases of ansible-core want to be told that it is ours."""
    loader = DataLoader()
    trust = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    found: dict[str, Any] = loader.load_from_file(str(file), **({"trusted_as_template": True} if trust else {}))
    return found


def decide(name: str, **given: Any) -> Any:
    """Return what a variable of the role is worth. C(live) is what the router says, C(blue) and C(green) the probes."""
    loader = DataLoader()
    files = [FOLDER / "defaults/main.yml", *sorted((FOLDER / "vars/main").glob("*.yml"))]
    variables = {key: value for file in files for key, value in loaded(file).items()}
    live = given.pop("live", ["green"])
    seen = {"active": live[0] if len(live) == 1 else None, "live": live, **SETTLED, **given.pop("seen", {})}
    probes = {"blue": given.pop("blue", GOOD), "green": given.pop("green", SLOW)}
    variables |= {
        "inventory_hostname": "shop-01",
        "blue_green_rollback_service": "shop",
        "blue_green_rollback_provider": "haproxy",
        "blue_green_rollback_colours": COLOURS,
        "__blue_green_rollback_router": seen,
        "__blue_green_rollback_measured": {"targets": probes},
        **given,
    }
    return Templar(loader, variables=variables).template(variables[f"__blue_green_rollback_{name}"])


def incident(earlier: str | None = None, minutes: float | None = 2, status: str = "open") -> dict[str, Any]:
    opened = None if minutes is None else datetime.now(timezone.utc) - timedelta(minutes=minutes)
    before = {"figures": {"bad_colour": earlier}} if earlier else None
    at = opened.isoformat(timespec="milliseconds").replace("+00:00", "Z") if opened else None
    return {"id": "i7k3v5q2x4dmz", "problem": {"status": status, "opened_at": at}, "evidence": {"before": before}}


def way(**given: Any) -> tuple[str, str, bool]:
    # An incident that opened some minutes ago is made now, and not when the tests are collected.
    given = {name: value() if callable(value) else value for name, value in given.items()}
    return str(decide("from", **given)), str(decide("to", **given)), bool(decide("bad", **given))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("green", "blue", True)),
        ({"green": GOOD}, ("green", "blue", False)),
        ({"live": ["blue"], "blue": DOWN}, ("blue", "green", True)),
        # An open problem is about what was live at its beginning, however well it answers us.
        ({"green": GOOD, "self_healing_incident": functools.partial(incident)}, ("green", "blue", True)),
        ({"green": GOOD, "self_healing_incident": functools.partial(incident, minutes=None)}, ("green", "blue", True)),
        ({"green": GOOD, "self_healing_incident": functools.partial(incident, minutes=30)}, ("green", "blue", False)),
        (
            {"green": GOOD, "self_healing_incident": functools.partial(incident, status="resolved")},
            ("green", "blue", False),
        ),
        (
            {
                "green": GOOD,
                "self_healing_incident": functools.partial(incident),
                "blue_green_rollback_believe_monitoring": False,
            },
            ("green", "blue", False),
        ),
        # What this incident has switched already is not switched again, and never leads back.
        ({"live": ["blue"], "self_healing_incident": functools.partial(incident, "green")}, ("green", "blue", False)),
        (
            {"live": ["blue"], "blue": DOWN, "self_healing_incident": functools.partial(incident, "green")},
            ("green", "blue", True),
        ),
        # Half of a switch is carried on where the incident knows whither.
        (
            {"live": ["blue", "green"], "self_healing_incident": functools.partial(incident, "green")},
            ("green", "blue", True),
        ),
        (
            {
                "live": ["blue"],
                "seen": {"pending": True},
                "self_healing_incident": functools.partial(incident, "green"),
            },
            ("green", "blue", True),
        ),
        # What an incident says of a colour that there is not is not believed.
        ({"self_healing_incident": functools.partial(incident, "red; reboot")}, ("green", "blue", True)),
    ],
)
def test_the_way(given: dict[str, Any], expected: tuple[str, str, bool]) -> None:
    assert way(**given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"live": ["blue", "green"]}, "the traffic of shop goes to blue and green: look at the router"),
        ({"live": []}, "the traffic of shop goes to no colour that is known: look at the router"),
        (
            {"seen": {"pending": True}},
            "haproxy was not reloaded since its configuration was written, so that nobody knows",
        ),
    ],
)
def test_without_one_live_colour_nothing_is_decided(given: dict[str, Any], said: str) -> None:
    assert decide("from", **given) == ""
    assert decide("not_one", **given).startswith(said)


@pytest.mark.parametrize(
    ("printed", "active"),
    [("green\n", "green"), ("green\nblue", None), ("{{ 7 * 7 }}", None), ("", None), ("GREEN", None)],
)
def test_what_a_command_prints_is_the_name_of_a_colour_or_nothing(printed: str, active: str | None) -> None:
    seen = decide("seen", blue_green_rollback_provider="command", __blue_green_rollback_router={"stdout": printed})
    assert seen["active"] == active
    assert seen["live"] == ([active] if active else [])


BEFORE = {"healthy": False, "live": "green", "from": "green", "to": "blue", "error_percent": 0.0, "p95_ms": 1840.0}


@pytest.mark.parametrize(
    ("blue", "before", "worse"),
    [
        (GOOD, BEFORE, False),
        ({**SLOW, "p95_ms": 1839.9}, BEFORE, False),
        ({**SLOW, "p95_ms": 2000.0}, BEFORE, True),
        ({**GOOD, "error_percent": 5.0}, BEFORE, True),
        (DOWN, BEFORE, True),
        (DOWN, {**BEFORE, "error_percent": 100.0, "p95_ms": None}, False),
    ],
)
def test_which_of_two_is_worse(blue: dict[str, Any], before: dict[str, Any], worse: bool) -> None:
    assert decide("worse", live=["blue"], blue=blue, blue_green_rollback_before=before) is worse


@pytest.mark.parametrize(
    ("blue", "said"),
    # It is made up even where it is not needed.
    [
        (GOOD, "it is healthy (p95 12.0 ms"),
        (DOWN, "it gives no answer (p95 – ms"),
        (SLOW, "it needs more than 1000 ms"),
    ],
)
def test_why_nothing_is_switched(blue: dict[str, Any], said: str) -> None:
    again = {"targets": {"blue": blue}}
    found = decide("no_way_back", blue_green_rollback_before=BEFORE, __blue_green_rollback_again=again)
    assert found.startswith(f"blue is no release to go back to: {said}")
    assert "Nothing was switched" in found


def test_why_a_rollback_stays() -> None:
    said = decide("no_way_forward", live=["blue"], blue={**SLOW, "version": "2.7.0"}, blue_green_rollback_before=BEFORE)
    assert said == "the rollback of shop stays: blue is no worse than green was (p95 1840.0 ms, 0.0 % failed)"
    said = decide("no_way_forward", live=["blue"], blue=DOWN, green=DOWN, blue_green_rollback_before=BEFORE)
    assert said == "the rollback of shop stays: green gives no answer (p95 – ms, 100.0 % failed)"


@pytest.mark.parametrize(
    ("given", "wrongs"),
    [
        ({"live": ["blue"]}, []),
        (
            {"live": ["green"]},
            ["the live release is not healthy", "the traffic of shop goes to green: look at the router"],
        ),
        (
            {"live": ["blue"], "users": {**GOOD, "version": "2.7.1"}},
            ["users get 2.7.1 at http://127.0.0.1:3/"],
        ),
        (
            {"live": ["blue"], "users": DOWN},
            ["users of http://127.0.0.1:3/ are not served well: it gives no answer"],
        ),
        ({"live": ["blue"], "dynatrace": {"response_time": 1500.0}}, ["Dynatrace measured 1500.0 ms since"]),
        ({"live": ["blue"], "dynatrace": {"failure_rate": 7.0}}, ["Dynatrace measured 7.0 % failures since"]),
        ({"live": ["blue"], "dynatrace": {"response_time": None, "failure_rate": None}}, []),
    ],
)
def test_what_is_wrong_afterwards(given: dict[str, Any], wrongs: list[str]) -> None:
    users, dynatrace = given.pop("users", None), given.pop("dynatrace", None)
    if users:
        given["__blue_green_rollback_users"] = {"targets": {"users": users}}
        given["blue_green_rollback_probe_url"] = "http://127.0.0.1:3/"
    if dynatrace:
        given["__blue_green_rollback_dynatrace"] = {"after": dynatrace}
        given["__blue_green_rollback_switched_at"] = "2026-11-22T08:15:00Z"
    assert decide("wrongs", blue_green_rollback_before=BEFORE, **given) == wrongs


def test_a_release_that_was_healthy_is_not_expected_to_move() -> None:
    before = {**BEFORE, "healthy": True}
    assert decide("wrongs", live=["green"], green=GOOD, blue_green_rollback_before=before) == []


def test_the_figures_are_numbers_and_short_texts() -> None:
    assert decide("slo", blue_green_rollback_dynatrace_entity="SERVICE-1") == {
        "live": "green 2.7.1",
        "live_minutes": 11,
        "error_percent": 0.0,
        "p50_ms": 9.0,
        "p95_ms": 1840.0,
        "other": "blue 2.7.0",
        "other_error_percent": 0.0,
        "other_p95_ms": 12.0,
        "dynatrace_response_ms": None,
        "dynatrace_failure_percent": None,
    }
    found = "shop: live is green 2.7.1 needs more than 1000 ms (p95 1840.0 ms, 0.0 % failed) since 11 min; "
    assert decide("found") == found + "blue 2.7.0 is healthy (p95 12.0 ms, 0.0 % failed)."
