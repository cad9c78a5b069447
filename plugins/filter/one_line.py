# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(one_line)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DOCUMENTATION = r"""
name: one_line
short_description: A text as one line that is not too long
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Replaces line breaks by blanks, and cuts what is too long with an ellipsis at its end.
  - Templates of messages use it instead of a macro. Before ansible-core 2.19 the result of a macro is read as a list, a
    dictionary or a boolean where it looks like one, so that a title such as C([1,2]) would be shown as another.
positional: length
options:
  _input:
    description: The text. Other values are written as text.
    type: raw
    required: true
  length:
    description: How many characters the result has at most.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Show the title of an incident
  ansible.builtin.debug:
    msg: "Problem: {{ self_healing_incident.title | self_healing.devops.one_line(80) }}"
"""

RETURN = r"""
_value:
  description: The line.
  type: str
  sample: Process unavailable
"""


def one_line(text: Any, length: int = 300) -> str:
    """Return a text as one line of at most C(length) characters."""
    line = str(text).replace("\n", " ").replace("\r", " ")
    return line if len(line) <= length else f"{line[: length - 1]}…"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"one_line": one_line}
