# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes in the words of a user's own template: the template is the user's, and what is in a note stays a text."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import PROBLEM

HOSTILE = [
    "{{ lookup('ansible.builtin.pipe', 'id') }} {% for x in y %}",
    "[1, 2]",
    "{'a': 1}",
    "#jinja2: variable_start_string:'[%'",
    "two\nlines",
    "  {# nothing #} é \u202e",
]
NOTES = "self_healing_incident | self_healing.devops.notes"


def say(folder: Path, template: str, notes: str = NOTES) -> PlaybookRun:
    """Run a playbook that says the notes of an incident with hostile texts in the words of a template."""
    with closing(Journal.open(str(folder / "journal.db"))) as journal:
        journal.record_problem(PROBLEM, "dynatrace")
        entries = [Entry("noted", text, key=f"note {number}") for number, text in enumerate(HOSTILE)]
        journal.change(PROBLEM.incident, lambda _incident: entries)
    (folder / "words.j2").write_text(template)
    query = f"query('self_healing.devops.worded', {notes}, template='{folder / 'words.j2'}')"
    tasks: list[dict[str, Any]] = [
        {"self_healing.devops.incident_info": {"incident": PROBLEM.incident}, "register": "read"},
        {
            "ansible.builtin.set_fact": {"said": f"{{{{ {query} }}}}"},
            "vars": {"self_healing_incident": "{{ read.incident }}", "greeting": "Hello,"},
        },
    ]
    play = {"name": "Say it", "hosts": "all", "gather_facts": False, "tasks": tasks}
    return run_playbook([play], {"here": LOCAL}, environment={"SELF_HEALING_JOURNAL": str(folder / "journal.db")})


def test_the_template_is_followed_and_a_note_stays_a_text(tmp_path: Path) -> None:
    run = say(tmp_path, "{{ greeting }} {{ note.text }} ({{ note.kind }}, {{ inventory_hostname }})\n")
    assert run.returncode == 0, run.output
    said = run.fact("here", "said")
    assert [note["text"] for note in said] == [f"Hello, {text} (noted, here)" for text in HOSTILE]
    assert [note["id"] for note in said] == [f"{PROBLEM.incident}-{number}" for number in range(2, 2 + len(HOSTILE))]


def test_the_template_of_the_roles_says_a_note_as_it_is(tmp_path: Path) -> None:
    run = say(tmp_path, "{{ note.text }}\n")
    assert [note["text"] for note in run.fact("here", "said")] == HOSTILE


def test_what_the_template_says_nothing_about_is_left_out(tmp_path: Path) -> None:
    run = say(tmp_path, "{% if note.text.startswith('two') %}{{ note.text }}{% endif %}\n")
    assert [note["text"] for note in run.fact("here", "said")] == ["two\nlines"]


@pytest.mark.parametrize("notes", ["['no note']", "[{'id': 'a'}]", "7"])
def test_what_is_no_note_is_refused(tmp_path: Path, notes: str) -> None:
    run = say(tmp_path, "{{ note.text }}\n", notes)
    assert run.returncode != 0
    assert "the lookup worded takes notes, which have a text" in run.output
