# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack through the templates and variables of the tool roles into every tool: literal, inert, and nothing runs.

The arguments are rendered by the templar of the ansible-core that is tried, in its own process; the modules then bring
them into the emulated tools over HTTP.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.filter.notes import notes
from ansible_collections.self_healing.devops.plugins.filter.transcript import transcript
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_page import Form, form_page
from ansible_collections.self_healing.devops.plugins.plugin_utils.pages import told_page
from ansible_collections.self_healing.devops.plugins.plugin_utils.report_page import report_page
from sandbox.server import SandboxThread
from security.cores import COLLECTIONS, core
from security.outside import Outside, outside, thorough
from security.shown import active_in_document, active_in_slack, holds, page
from security.stories import URL, answered, asked, batches, healed, task_with
from support.story import NOW, PROBLEM
from support.tree import ROOT, plugin

RENDERING = Path(__file__).absolute().with_name("rendering.py")
MODULES = {
    "jira": "jira_issue",
    "slack": "slack_channel",
    "xmatters": "xmatters_alert",
    "dynatrace": "dynatrace_problem",
    "keptn": "keptn_task",
}
STORIES: Mapping[str, Callable[..., Incident]] = {"asked": asked, "answered": answered, "healed": healed}


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("outside")) as watching:
        yield watching


@pytest.fixture(scope="module")
def tools() -> Iterator[SandboxThread]:
    running = SandboxThread()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def incidents(watch: Outside, tools: SandboxThread) -> list[dict[str, Any]]:
    """Records of incidents, each with four attacks. Their problems are there in the emulated Dynatrace."""
    records = []
    kinds = list(STORIES.values())
    for number, texts in enumerate(batches([attack.text for attack in watch.attacks], thorough())):
        pid = tools.call("dynatrace", "open", title="x")["pid"]
        record = kinds[number % len(kinds)](texts, problem_id=pid).to_dict()
        record["id"] = "i" + name_of(number)
        if record["problem"]["number"] == PROBLEM.incident:
            record["problem"]["number"] = record["id"]
        for entry in record["calls"]:
            entry["marker"] = entry["marker"].replace(entry["marker"].partition(".")[0], record["id"])
        record["tasks"] = [task_with(texts).to_data()]
        record["texts"] = texts
        records.append(record)
    return records


def name_of(number: int) -> str:
    """Return twelve letters for a number."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[number // 26**place % 26] for place in range(12))


def rendered(watch: Outside, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the arguments as the ansible-core that is tried renders them."""
    tried = core()
    environment = {
        **os.environ,
        **tried.environment(),
        **watch.environment(),
        "PYTHONPATH": str(COLLECTIONS),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
    }
    done = subprocess.run(
        [str(tried.python), str(RENDERING), str(COLLECTIONS), str(ROOT)],
        input=json.dumps(records),
        capture_output=True,
        text=True,
        env=environment,
        cwd=watch.folder,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return results


def record_for(role: str, incident: dict[str, Any], tools: SandboxThread) -> dict[str, Any]:
    loop = {"xmatters": {"xmatters_call": incident["calls"][0]}, "keptn": {"keptn_task_id": incident["tasks"][0]["id"]}}
    variables = {
        "jira_project": "DEMO",
        "xmatters_recipients": [tools.settings.group],
        "slack_members": ["ana@example.com"],
    }
    given = {name: value for name, value in incident.items() if name != "texts"}
    return {"role": role, "incident": given, "loop": loop.get(role, {}), "variables": variables}


def accounts(role: str, tools: Any) -> dict[str, Any]:
    settings, url = tools.settings, tools.sandbox.addresses()
    return {
        "jira": {"jira_url": url["jira"], "jira_user": settings.jira_user, "jira_token": settings.jira_token},
        "slack": {"slack_url": f"{url['slack']}/api/", "slack_token": settings.slack_token},
        "xmatters": {
            "xmatters_url": url["xmatters"],
            "xmatters_form_url": tools.sandbox.tools["xmatters"].form_url,
            "xmatters_user": settings.xmatters_user,
            "xmatters_password": settings.xmatters_password,
        },
        "dynatrace": {"dynatrace_url": url["dynatrace"], "dynatrace_token": settings.dynatrace_token},
    }[role]


def show(role: str, arguments: dict[str, Any], tools: SandboxThread) -> dict[str, Any]:
    """Bring rendered arguments into the tool as the module does, and return its result."""
    module = plugin("modules", MODULES[role])
    spec = module.SPEC
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate({**arguments, **accounts(role, tools)})
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = module.run(checked.validated_parameters, False, None)
    return result


@pytest.fixture(scope="module")
def arguments(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]]
) -> Mapping[str, list[dict[str, Any]]]:
    """The rendered arguments by role, one for each incident."""
    roles = list(MODULES)
    made = iter(rendered(watch, [record_for(role, one, tools) for role in roles for one in incidents]))
    return {role: [next(made) for _incident in incidents] for role in roles}


@pytest.mark.parametrize("role", MODULES)
def test_nothing_is_evaluated_in_the_arguments(
    role: str, watch: Outside, incidents: list[dict[str, Any]], arguments: Mapping[str, list[dict[str, Any]]]
) -> None:
    options = plugin("modules", MODULES[role]).SPEC.options
    for incident, given in zip(incidents, arguments[role], strict=True):
        assert "failed" not in given, f"{incident['texts']!r}: {given['failed']}"
        # Before 2.19 what looks like a list, a dictionary or a boolean becomes one.
        other = [name for name, value in given.items() if not is_text(value) and options[name]["type"] == "str"]
        assert other == [], f"{incident['texts']!r} is no longer text in {other}"
    found = watch.look(sum(len(one["texts"]) for one in incidents) * 6, seen=arguments[role])
    assert found.clean, found.told


def test_notes_and_messages_are_in_the_words_of_the_template_that_is_named(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]], tmp_path: Path
) -> None:
    words = tmp_path / "words.j2"
    words.write_text("In our words: {{ note.text if note is defined else keptn_answer.state }}\n")
    chosen = incidents[: len(STORIES)]
    records = []
    for role in MODULES:
        for incident in chosen:
            record = record_for(role, incident, tools)
            names = ("message", "progress") if role == "keptn" else ("note",)
            record["variables"] |= {f"{role}_{name}_template": str(words) for name in names}
            records.append(record)
    made = iter(rendered(watch, records))
    for role in MODULES:
        for incident in chosen:
            given = next(made)
            if role == "keptn":
                assert given["text"].startswith("In our words: "), given
                continue
            told = [entry["text"] for entry in notes(incident, since=0)]
            said = [note["text"] for note in given["messages" if role == "slack" else "comments"]]
            assert said == [f"In our words: {text}" for text in told], role
    found = watch.look(len(records) * 4, seen=records)
    assert found.clean, found.told


def test_jira_shows_the_texts_and_nothing_else(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]], arguments: Mapping[str, Any]
) -> None:
    ask = partial(requests.get, auth=(tools.settings.jira_user, tools.settings.jira_token), timeout=10)
    seen = []
    for incident, given in zip(incidents, arguments["jira"], strict=True):
        key = show("jira", given, tools)["id"]
        fields = ask(f"{tools.url('jira')}/rest/api/3/issue/{key}?fields=*all").json()["fields"]
        comments = [comment["body"] for comment in fields["comment"]["comments"]]
        active = list(active_in_document([fields["description"], *comments], {URL}))
        assert active == [], incident["texts"]
        assert holds(fields["summary"], incident["title"]), incident["title"]
        shown = next(one for one in tools.snapshot("jira")["issues"] if one["key"] == key)
        for text in texts_of(incident):
            assert holds(shown["description"], text), text
        told = "\n".join(comment["text"] for comment in shown["comments"])
        for answer in answers_of(incident):
            assert holds(told, answer["data"]["responder"]), answer
        seen.append(shown)
    found = watch.look(len(seen) * 4, seen=seen)
    assert found.clean, found.told


def test_slack_shows_the_texts_and_calls_nobody(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]], arguments: Mapping[str, Any]
) -> None:
    seen = []
    for incident, given in zip(incidents, arguments["slack"], strict=True):
        name = show("slack", given, tools)["name"]
        channel = next(one for one in tools.snapshot("slack")["channels"] if one["name"] == name)
        own = [message for message in channel["messages"] if message["type"] == "message"]
        header = next(message for message in own if message["is_header"])
        assert holds(header["text"], incident["title"]), incident["title"]
        # Slack takes an entity that stands in a topic for the character that it means.
        assert holds(unescape(channel["topic"]), unescape(unescape(incident["title"][:60]))[:50]), incident["title"]
        assert [message["mentions"] for message in own if message["mentions"]] == []
        links = {entry["link"] for entry in given["header"]["links"]}
        assert [
            active_in_slack(message["markup"], links) for message in own if active_in_slack(message["markup"], links)
        ] == []
        told = "\n".join(message["text"] for message in own)
        for answer in answers_of(incident):
            assert holds(told, answer["data"]["responder"]), answer
        seen.append(channel)
    found = watch.look(len(seen) * 4, seen=seen)
    assert found.clean, found.told


def test_xmatters_shows_the_texts(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]], arguments: Mapping[str, Any]
) -> None:
    seen = []
    for incident, given in zip(incidents, arguments["xmatters"], strict=True):
        if not given["create"]:
            continue
        number = show("xmatters", given, tools)["id"]
        alert = next(one for one in tools.snapshot("xmatters")["alerts"] if number in (one["id"], one.get("uuid")))
        assert holds(alert["subject"], incident["title"][:150]), incident["title"]
        assert holds(json.dumps(alert, ensure_ascii=False).encode().decode(), incident["id"])
        seen.append(alert)
    assert seen
    found = watch.look(len(seen) * 4, seen=seen)
    assert found.clean, found.told


def test_dynatrace_shows_the_texts_as_comments(
    watch: Outside, tools: SandboxThread, incidents: list[dict[str, Any]], arguments: Mapping[str, Any]
) -> None:
    seen = []
    for incident, given in zip(incidents, arguments["dynatrace"], strict=True):
        show("dynatrace", given, tools)
        problem = next(
            one for one in tools.snapshot("dynatrace")["problems"] if one["pid"] == incident["problem"]["id"]
        )
        told = "\n".join(comment["text"] for comment in problem["comments"])
        for answer in answers_of(incident):
            assert holds(told, answer["data"]["responder"]), answer
        seen.append(problem["comments"])
    found = watch.look(len(seen) * 4, seen=seen)
    assert found.clean, found.told


def test_the_transcript_and_the_page_of_a_link_hold_them_as_text(
    watch: Outside, incidents: list[dict[str, Any]]
) -> None:
    allowed = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "form", "input", "button"}
    allowed |= {
        "label",
        "fieldset",
        "legend",
        "section",
        "textarea",
        "dl",
        "dt",
        "dd",
        "ul",
        "li",
        "strong",
        "a",
        "details",
        "summary",
        "br",
        "span",
        "div",
        "small",
        "ol",
        "time",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    seen = []
    for incident in incidents:
        text = incident["texts"][0]
        said = [{"at": "2026-11-22T10:00:00Z", "author": text, "text": text}]
        story = transcript(incident, said)
        assert holds(story, text)
        # One line for each thing that was said: nobody can write an entry of the timeline.
        assert len([line for line in story.splitlines() if line.startswith("- 2026")]) <= len(incident["timeline"]) + 1
        form = Form(incident, text, False, incident["offered"], [], frozenset(), [text], "proof")
        for html in (form_page(form, text), told_page(text, text), report_page(incident, NOW)):
            tags, attributes, words = page(html)
            assert tags <= allowed, tags - allowed
            assert [name for name, _value in attributes if name.startswith("on") or name in ("src", "srcdoc")] == []
            assert holds(words, text), text
        seen.append(story)
    found = watch.look(len(incidents) * 3, seen=seen)
    assert found.clean, found.told


def is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def texts_of(incident: dict[str, Any]) -> list[str]:
    """Return the texts that a description shows."""
    cause = incident["root_cause"]["name"]
    return [incident["title"], cause, *(entity["name"] for entity in incident["entities"])]


def answers_of(incident: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in incident["timeline"] if entry["kind"].startswith("answer")]
