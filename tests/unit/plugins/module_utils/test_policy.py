# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import HOST_NAME
from support.story import MANAGED, NOW, PROBLEM, REMEDIES, RESOLVED, Story

Policy, Candidate, Surroundings, Attempt = policies.Policy, policies.Candidate, policies.Surroundings, policies.Attempt
ACT = Policy(ceiling="act")
CALM = Surroundings(managed_hosts=10)


def decide(policy=ACT, problem=PROBLEM, candidates=(MANAGED,), around=CALM, remedies=REMEDIES):
    return policies.decide(policy, Story(problem).incident, remedies, candidates, around, NOW)


def attempt(outcome: str, minutes: int = 5, incident: str = "iother", host: str = "shop-01") -> policies.Attempt:
    return Attempt(incident, host, "process_restart", NOW - timedelta(minutes=minutes), outcome)


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ({}, "act", None),
        ({"policy": Policy()}, "ask", None),
        ({"policy": Policy(ceiling="observe", autonomy={"process_restart": "act"})}, "observe", None),
        (
            {"policy": Policy(ceiling="act", autonomy={"process_restart": {"critical": "ask", "default": "act"}})},
            "ask",
            None,
        ),
        ({"problem": replace(PROBLEM, kind="monitoring_gap")}, "hold", "blind"),
        ({"problem": RESOLVED}, "hold", "stale"),
        ({"candidates": ()}, "hold", "unmanaged"),
        ({"candidates": (Candidate("db-01", False, "name"),)}, "hold", "unmanaged"),
        ({"candidates": (MANAGED, Candidate("shop-02", True, "name"))}, "hold", "ambiguous"),
        ({"candidates": (Candidate("all:!web*", True, "name"),)}, "hold", "ambiguous"),
        ({"candidates": (Candidate("*", True, "name"),)}, "hold", "ambiguous"),
        ({"around": replace(CALM, stopped=True)}, "hold", "stopped"),
        ({"policy": replace(ACT, freezes=(policies.Freeze(NOW, NOW + timedelta(hours=1), "x"),))}, "hold", "frozen"),
        ({"policy": replace(ACT, freezes=(policies.Freeze(NOW - timedelta(hours=1), NOW, "x"),))}, "act", None),
        ({"around": replace(CALM, attempts=(attempt("running"),))}, "hold", "busy"),
        ({"around": replace(CALM, attempts=(attempt("verified", 50), attempt("verified")))}, "ask", "budget"),
        ({"around": replace(CALM, attempts=(attempt("verified", 70), attempt("verified", 61)))}, "act", None),
        ({"around": replace(CALM, attempts=(attempt("verified", 5, host="other"),) * 5)}, "act", None),
        ({"around": replace(CALM, attempts=(attempt("failed"),))}, "ask", "failing"),
        ({"around": replace(CALM, attempts=(attempt("ineffective"),))}, "ask", "ineffective"),
        ({"around": replace(CALM, unhealthy_hosts=frozenset("abcde"))}, "ask", "too_sick"),
        ({"around": replace(CALM, unhealthy_hosts=frozenset("abc"))}, "act", None),
        ({"remedies": []}, "ask", None),
    ],
)
def test_verdict(change: dict, verdict: str, reason: str | None) -> None:
    decision = decide(**change)
    assert (decision.verdict, decision.reason) == (verdict, reason), decision.checks
    assert decision.reason is None or decision.reason in policies.HOLD_REASONS


def test_a_person_is_offered_the_remedy_and_may_always_talk() -> None:
    decision = decide(Policy())
    labels = ["Restart process", "I am looking", "Take over", "Escalate", "Snooze", "Stop"]
    assert [option["label"] for option in decision.options] == labels
    assert decision.options[0]["text"] == "restarts the service on shop-01 and checks that it stays up"


def test_hands_off_offers_no_remedy() -> None:
    names = [option["name"] for option in decide(candidates=()).options]
    assert names == ["acknowledge", "take_over", "escalate", "snooze", "stop"]


def test_every_check_is_told() -> None:
    names = [check.name for check in decide().checks]
    assert names == [
        "monitored",
        "still open",
        "managed host",
        "not stopped",
        "not frozen",
        "nobody at work",
        "attempts left",
        "remedy works",
        "few unhealthy",
        "autonomy",
    ]


def test_an_unknown_remedy_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"remedy format_disk is not known .* self_healing_catalog"):
        decide(remedies=["format_disk"])


@given(st.sampled_from(policies.LEVELS), st.sampled_from(policies.LEVELS))
def test_autonomy_never_goes_above_the_ceiling(ceiling: str, wanted: str) -> None:
    level = Policy(ceiling=ceiling, autonomy={"process_restart": wanted}).level("process_restart", "low")
    assert policies.LEVELS.index(level) <= policies.LEVELS.index(ceiling)


@given(st.text(max_size=30))
def test_no_strange_host_name_is_ever_a_target(name: str) -> None:
    decision = decide(candidates=(Candidate(name, True, "name"),))
    assert decision.target is None or HOST_NAME.fullmatch(decision.target)


def test_the_policy_is_read_from_variables() -> None:
    policy = policies.from_variables(
        {
            "self_healing_ceiling": "act",
            "self_healing_autonomy": {"flush": {"low": "act", "default": "ask"}},
            "self_healing_catalog": {"flush": {"role": "acme.ops.flush", "label": "Flush"}},
            "self_healing_limits": {"attempts_per_hour": 5},
            "self_healing_timeouts": {"answer": 60},
            "self_healing_freezes": [{"begin": "2026-12-24T00:00:00Z", "end": "2026-12-27T00:00:00Z"}],
        }
    )
    assert policy.attempts_per_hour == 5
    assert policy.asking_at("low").step(0).wait == 60
    assert policy.level("flush", "low") == "act"
    assert policy.level("flush", "high") == "ask"
    assert set(policy.catalog) == {"flush", *policies.CATALOG}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"self_healing_ceiling": "always"}, "self_healing_ceiling is 'always', expected one of observe, ask, act"),
        ({"self_healing_autonomy": {"reboot": "act"}}, "self_healing_autonomy: the remedy reboot is not known"),
        ({"self_healing_autonomy": {"process_restart": {"worst": "act"}}}, "'worst' is no severity"),
        ({"self_healing_autonomy": {"process_restart": "yes"}}, "self_healing_autonomy.process_restart: 'yes'"),
        ({"self_healing_autonomy": ["act"]}, "must map"),
        ({"self_healing_catalog": {"x": {"role": "a.b.c"}}}, "the remedy x has no label"),
        ({"self_healing_limits": {"attempts": 1}}, "self_healing_limits.attempts is not known"),
        ({"self_healing_limits": {"attempts_per_hour": -1}}, "self_healing_limits.attempts_per_hour is -1"),
        ({"self_healing_timeouts": {"answer": 0}}, "self_healing_timeouts.answer is 0"),
        ({"self_healing_freezes": [{"begin": "2026-12-24"}]}, "self_healing_freezes, item 1: 'end'"),
    ],
)
def test_a_wrong_policy_is_told_by_name(variables: dict, message: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        policies.from_variables(variables)
    assert message in failure.value.message
