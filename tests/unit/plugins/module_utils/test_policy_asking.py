# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the policy's variables become who is called, who may answer, and what a remedy asks for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, CallStep, Responder
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError

CALLS = [{"wait": 300}, {"recipients": ["Leads"], "priority": "high", "devices": ["Voice"], "override": True}]
STEPS = (CallStep(wait=300.0), CallStep(("Leads",), 60.0, "high", ("Voice",), True))


def asking(severity: str = "low", **variables: Any) -> Asking:
    read = policies.from_variables({f"self_healing_{name}": value for name, value in variables.items()})
    return read.asking_at(severity)


def test_without_variables_whom_the_pager_calls_is_called_once() -> None:
    assert asking() == Asking()


def test_the_times_are_those_of_the_policy() -> None:
    read = asking(timeouts={"answer": 60, "acknowledge": 120, "snooze": 180}, escalation=CALLS)
    assert read.steps == STEPS
    assert (read.acknowledge, read.snooze) == (120.0, 180.0)


def test_each_severity_may_have_calls_of_its_own() -> None:
    calls = {"critical": CALLS, "default": [{"wait": 7}]}
    assert len(asking("critical", escalation=calls).steps) == 2
    assert asking("low", escalation=calls).steps == (CallStep(wait=7.0),)
    assert asking("low", escalation={"critical": CALLS}).steps == (CallStep(),)


def test_people_are_known_by_what_each_channel_calls_them() -> None:
    people = [
        {"name": "Ana Berg", "email": "ana@example.com"},
        {"name": "Bo Lind", "slack": "U2", "jira": "acc-2", "services": ["checkout"], "options": ["snooze"]},
    ]
    assert asking(responders=people).responders == (
        Responder("Ana Berg", "ana@example.com", {}),
        Responder("Bo Lind", None, {"slack": "U2", "jira": "acc-2"}, ("checkout",), ("snooze",)),
    )


def test_a_remedy_of_ours_takes_only_what_the_team_says_differently() -> None:
    catalog = policies.from_variables({"self_healing_catalog": {"process_restart": {"approvals": 2}}}).catalog
    assert catalog["process_restart"] == {**policies.CATALOG["process_restart"], "approvals": 2}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"escalation": "Leads"}, "self_healing_escalation must be a list of calls"),
        ({"escalation": {"worst": []}}, "self_healing_escalation.worst: 'worst' is no severity"),
        ({"escalation": {"low": "Leads"}}, "self_healing_escalation.low must be a list of calls"),
        ({"escalation": ["Leads"]}, "self_healing_escalation, call 1 must be a mapping"),
        ({"escalation": [{}, {"after": 5}]}, "self_healing_escalation, call 2: after is not known"),
        ({"escalation": [{"wait": 0}]}, "wait is 0, expected seconds"),
        ({"escalation": [{"wait": True}]}, "wait is True"),
        ({"escalation": [{"wait": "5 min"}]}, "wait is '5 min'"),
        ({"escalation": [{"priority": "urgent"}]}, "priority is 'urgent', expected one of low, medium, high"),
        ({"escalation": [{"recipients": "Leads"}]}, "recipients must be a list of names"),
        ({"escalation": [{"devices": [""]}]}, "devices must be a list of names"),
        ({"exhausted": "reboot"}, "self_healing_exhausted is 'reboot', expected one of"),
        ({"responders": "Ana"}, "self_healing_responders must be a list of people"),
        ({"responders": [{"email": "ana@example.com"}]}, "self_healing_responders, item 1 must have a name"),
        ({"responders": [{"name": "Ana"}]}, "nobody can be known by a name alone"),
        ({"responders": [{"name": "Ana", "email": 7}]}, "email must be a text"),
        ({"responders": [{"name": "Ana", "email": "a", "phone": "1"}]}, "phone is not known"),
        ({"responders": [{"name": "Ana", "email": "a", "options": "snooze"}]}, "options must be a list of names"),
        ({"catalog": {"process_restart": {"approvals": 0}}}, "process_restart.approvals is 0"),
        ({"catalog": {"process_restart": {"approvals": True}}}, "process_restart.approvals is True"),
        ({"catalog": {"process_restart": {"people": "Ana"}}}, "process_restart.people must be a list"),
        ({"catalog": {"process_restart": {"colour": "red"}}}, "process_restart.colour is not known"),
        ({"catalog": {"process_restart": "restart"}}, "the remedy process_restart must be a mapping"),
    ],
)
def test_what_is_wrong_is_told_by_name(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        asking(**variables)
    assert message in failure.value.message
