# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup C(worded): notes in the words of a template."""

from __future__ import annotations

DOCUMENTATION = r"""
name: worded
short_description: Notes in the words of a template
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns notes, as P(self_healing.devops.notes#filter) does, each with the text that a template makes of it. Their
    identifiers stay, so that a tool shows each note once, whatever the template says later.
  - The template is found as P(ansible.builtin.template#lookup) finds it, and sees the note as C(note) besides all
    variables of the host. What is in a note is never a template itself.
  - A note for which the template says nothing is left out.
  - Use C(query), which always returns a list.
options:
  _terms:
    description: Notes, or lists of notes.
    type: list
    elements: raw
    required: true
  template:
    description: Name of the template.
    type: str
    required: true
seealso:
  - plugin: self_healing.devops.notes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what happened, with the time in front
  ansible.builtin.debug:
    # templates/note.j2 holds: {{ note.at }} {{ note.text }}
    msg: "{{ query('self_healing.devops.worded', incident | self_healing.devops.notes, template='note.j2') }}"
"""

RETURN = r"""
_raw:
  description: The notes.
  type: list
  elements: dict
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible.utils.unsafe_proxy import wrap_var


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
        self.set_options(var_options=variables, direct=options)
        template = self.get_option("template")
        words = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        said = []
        for note in _notes(terms):
            # Before ansible-core 2.19 whatever is not marked as data is a template.
            [text] = words.run([template], variables, template_vars={"note": wrap_var(dict(note))})
            # From ansible-core 2.19 on a template that says nothing gives None.
            if text is not None and str(text).strip():
                said.append({**note, "text": str(text).removesuffix("\n")})
        return said


def _notes(terms: list[Any]) -> Iterator[Mapping[str, Any]]:
    for term in terms:
        for note in term if isinstance(term, (list, tuple)) else [term]:
            if not isinstance(note, Mapping) or "text" not in note:
                raise AnsibleError(f"the lookup worded takes notes, which have a text, not {type(note).__name__}")
            yield note
