# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack in every text of every payload, through the translator: out come ids, enums and literal text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    INCIDENT_ID,
    SERVICE_NAME,
    Answer,
    Problem,
)
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils import foreign
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from security.attacks import BODIES, HOST_PATTERNS, ODD_VALUES, PRODUCT
from security.outside import SHARES, Outside, outside, share
from security.payloads import REFUSALS, Inbound, inbound, placed, problem_of, renamed
from support.dynatrace_forms import FORMS
from support.tree import ROOT

SCHEMA = json.loads((ROOT / "extensions/eda/schemas/event.json").read_text("utf-8"))
EVENT = jsonschema.Draft202012Validator(SCHEMA)
#: What a terminal obeys, what ends a line, and what turns the direction of reading.
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("outside")) as watching:
        yield watching


def event_of(problem: Problem) -> dict[str, Any]:
    """Return what a rule would see of a problem, as the journal makes it of its columns."""
    words = {"kind": problem.kind, "status": problem.status, "severity": problem.severity, "source": problem.source}
    body = {"incident": problem.incident, **words, "service": problem.service or ""}
    return {"problem": body, "meta": {"uuid": "0"}}


def check(meaning: Any) -> None:
    """Fail where something came out that is neither an id, nor an enum, nor text of one line where one is shown."""
    problem = problem_of(meaning)
    if problem is not None:
        EVENT.validate(event_of(problem))
        assert INCIDENT_ID.fullmatch(problem.incident)
        assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", problem.problem_id)
        assert problem.service is None or SERVICE_NAME.fullmatch(problem.service)
        told = (problem.title, problem.display_id, *problem.tags, *(entity.name for entity in problem.entities))
        assert not any(OBEYED.search(text) for text in told), told
        assert len(problem.title) <= 300
        assert problem.url is None or re.fullmatch(r"https?://\S+", problem.url)
        json.dumps(problem.to_data(), ensure_ascii=False).encode()
    task = getattr(meaning, "task", None)
    if task is not None:
        assert all(
            re.fullmatch(r"[A-Za-z0-9_.:-]+", text) for text in (task.id, task.project, task.stage, task.service)
        )
        json.dumps(task.to_data(), ensure_ascii=False).encode()
    for answer in meaning if isinstance(meaning, list) else [meaning]:
        if isinstance(answer, Answer):
            assert answer.incident_id is None or INCIDENT_ID.fullmatch(answer.incident_id)
            assert len(answer.responder) <= 200
            assert len(answer.comment or "") <= 1000
            json.dumps(asdict(answer), default=str, ensure_ascii=False).encode()


def read(form: Inbound, payload: Any) -> Any:
    """Return what a payload means, None where it is refused. Anything else that is raised fails the test."""
    try:
        meaning = form.read(payload)
    except REFUSALS as error:
        refused(form.name, error.message)
        return None
    check(meaning)
    return meaning


def refused(name: str, message: str) -> None:
    assert not OBEYED.search(message), f"{name}: a log would obey {message!r}"
    assert len(message) < 1000


@pytest.mark.parametrize("form", inbound(), ids=lambda form: form.name)
def test_every_attack_in_every_text(form: Inbound, watch: Outside) -> None:
    texts = [attack.text for attack in watch.attacks]
    where = form.places()
    seen = []
    for number, place in enumerate(where):
        seen += [repr(read(form, placed(form.payload, place, text))) for text in share(texts, number)]
    assert not any(PRODUCT in text for text in texts), "what is told of an evaluation may stand in no attack"
    found = watch.look(len(seen), seen="\n".join(seen))
    assert found.clean, found.told
    assert found.cases >= len(texts) // SHARES


@pytest.mark.parametrize("form", inbound(), ids=lambda form: form.name)
def test_every_attack_as_a_name_and_odd_values_everywhere(form: Inbound, watch: Outside) -> None:
    where, cases = form.places(), 0
    for number, place in enumerate(where):
        for value in share(list(ODD_VALUES.values()), number):
            read(form, placed(form.payload, place, value))
            cases += 1
        names = isinstance(place[-1], str) and not form.vendors
        for text in share([attack.text for attack in watch.attacks], number) if names else []:
            read(form, renamed(form.payload, place, text))
            cases += 1
    found = watch.look(cases)
    assert found.clean, found.told


def test_a_title_and_a_name_stay_what_they_are_but_for_what_nobody_sees(watch: Outside) -> None:
    form = FORMS["recommended payload"]
    for attack in watch.attacks:
        told = {**placed(form, ("ProblemTitle",), attack.text), "ProblemDetailsJSONv2": None}
        entity = {"type": "HOST", "name": attack.text, "entity": "HOST-0000000000000009"}
        problem = translate({**told, "ImpactedEntities": [entity]})
        assert problem.title == clean(attack.text, 300), attack.name
        assert problem.entities[-1].name == clean(attack.text, 256), attack.name


def test_no_body_of_bytes_is_more_than_refused(watch: Outside) -> None:
    for name, body in BODIES.items():
        try:
            value = parse_json(body)
        except REFUSALS as error:
            refused(name, error.message)
            continue
        for form in inbound():
            if not form.vendors and not form.name.startswith("keptn, headers"):
                read(form, value)
    assert watch.look(len(BODIES)).clean


def test_the_filter_lets_nothing_but_the_safe_event_pass(tmp_path: Path, watch: Outside) -> None:
    """Also where the sender fills C(meta): a host in it would become a limit of the playbook."""
    cases = 0
    place = str(tmp_path / "journal.db")
    for number, text in enumerate([*(attack.text for attack in watch.attacks), *HOST_PATTERNS]):
        payload = {**FORMS["recommended payload"], "PID": f"{number}_1790000000000V2", "ProblemTitle": text}
        payload |= {"ProblemDetailsJSONv2": None, "Tags": f"service:{text}", "hosts": text, "meta": {"hosts": text}}
        event = {"payload": payload, "meta": {"hosts": text, "headers": {"X": text}}, "hosts": text, text: text}
        out = foreign.take(event, {"journal": place, "window": 1000})
        EVENT.validate(out)
        assert isinstance(out, dict)
        assert "problem" in out, text
        assert "hosts" not in out["meta"]
        assert "headers" not in out["meta"]
        cases += 1
    foreign.JOURNALS.close()
    assert watch.look(cases).clean


def test_what_was_read_is_really_checked() -> None:
    """The checks find what they are for."""
    good = translate(FORMS["recommended payload"])
    with pytest.raises(jsonschema.ValidationError):
        EVENT.validate({**event_of(good), "title": "free text"})
    with pytest.raises(jsonschema.ValidationError):
        EVENT.validate({**event_of(good), "meta": {"uuid": "0", "hosts": "all"}})
    body = {**event_of(good)["problem"], "service": "{{ 191*193 }}"}
    with pytest.raises(jsonschema.ValidationError):
        EVENT.validate({"problem": body, "meta": {"uuid": "0"}})
