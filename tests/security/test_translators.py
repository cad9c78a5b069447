# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack in every text of every payload, through the translator: out come ids, enums and literal text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils import foreign
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from security.attacks import BODIES, HOST_PATTERNS, ODD_VALUES, PRODUCT
from security.checking import EVENT, event_of, read, refused
from security.outside import SHARES, Outside, outside, share
from security.payloads import REFUSALS, Inbound, inbound, placed, renamed
from support.dynatrace_forms import FORMS


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("outside")) as watching:
        yield watching


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
    body = {**event_of(good)["problem"], "service": "{{ 7919*7907 }}"}
    with pytest.raises(jsonschema.ValidationError):
        EVENT.validate({"problem": body, "meta": {"uuid": "0"}})
