# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of a header message: what they look like, and what a pressed one says. No I/O in here.

A button carries ids only: the incident, the number of the question, the short name of the option. Whoever presses it
sends nothing else, and what may be done is decided from the journal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .incident import INCIDENT_ID
from .slack_text import TEXT_LIMIT, clean, cut, link_markup, literal

#: What the action_id of our buttons begins with. It has to be unique within its block.
ACTION = "self_healing:"
BLOCK = "self_healing_answer"
#: Limits of Block Kit: https://docs.slack.dev/reference/block-kit/
BUTTON_LIMIT = 75
ID_LIMIT = 255
VALUE_LIMIT = 2000
BUTTONS_LIMIT = 25
SECTION_LIMIT = 3000
CONFIRM_LIMIT = 300
_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_VALUE = re.compile(rf"1:({INCIDENT_ID.pattern}):([0-9]{{1,9}}|-):({_OPTION.pattern})")


@dataclass(frozen=True)
class Choice:
    """What a button stands for. C(asked) is the number of the entry that asked, None where that is not known."""

    incident: str
    asked: int | None
    option: str

    @property
    def value(self) -> str:
        """Return what the button carries. Raises ValueError for what is no id."""
        if not INCIDENT_ID.fullmatch(self.incident) or not _OPTION.fullmatch(self.option):
            raise ValueError(f"{self.incident!r} and {self.option!r} cannot be ids on a button")
        return f"1:{self.incident}:{'-' if self.asked is None else self.asked}:{self.option}"

    @property
    def action_id(self) -> str:
        return ACTION + self.option

    @classmethod
    def of(cls, value: Any) -> Choice | None:
        """Return the choice that a pressed button carries, None when it carries no valid one."""
        found = _VALUE.fullmatch(value) if isinstance(value, str) and value.isascii() else None
        if found is None:
            return None
        incident, asked, option = found.groups()
        return cls(incident, None if asked == "-" else int(asked), option)


def buttons_for(incident: Mapping[str, Any], confirm: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the buttons for what may be chosen now, as the module C(slack_channel) takes them.

    C(confirm) is what is asked before a destructive option, by its short name. An option whose name cannot be an id has
    no button: it can be chosen elsewhere.
    """
    buttons = []
    for option in incident["offered"] or ():
        choice = Choice(str(incident["id"]), _number(incident.get("asked")), str(option["name"]))
        try:
            button = {"id": choice.action_id, "value": choice.value, "text": str(option["label"])}
        except ValueError:
            continue
        if option.get("destructive"):
            said = f"{option['label']}: {option.get('text') or 'it changes something'}"
            button |= {"style": "danger", "confirm": confirm.get(choice.option) or said}
        buttons.append(button)
    return buttons


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def with_buttons(
    text: str,
    links: Sequence[tuple[str, str]],
    blocks: Sequence[Mapping[str, Any]],
    buttons: Iterable[Mapping[str, Any]],
) -> list[Mapping[str, Any]]:
    """Return the blocks of a message that ends with buttons.

    A message with blocks shows nothing but these, so its text becomes blocks where it has none.
    """
    shown, body = list(buttons), list(blocks)
    if not shown:
        return body
    line = [" · ".join(link_markup(title, link) for title, link in links)] if links else []
    sections = [_section(part) for part in [*_parts(cut(text, TEXT_LIMIT)), *line]]
    body = body or [*sections]
    rows = [shown[start : start + BUTTONS_LIMIT] for start in range(0, len(shown), BUTTONS_LIMIT)]
    return body + [
        {
            "type": "actions",
            "block_id": BLOCK if number == 0 else f"{BLOCK}_{number + 1}",
            "elements": [_element(button) for button in row],
        }
        for number, row in enumerate(rows)
    ]


def _section(text: str) -> dict[str, Any]:
    """Return a text as a block. Unless it is verbatim Slack looks for names and addresses in it on its own."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _element(button: Mapping[str, Any]) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": button["id"],
        "text": _plain(button["text"], BUTTON_LIMIT),
        "value": button["value"],
    }
    if button.get("style"):
        element["style"] = button["style"]
    if button.get("confirm"):
        element["confirm"] = {
            "title": _plain("Are you sure?", 100),
            "text": _plain(button["confirm"], CONFIRM_LIMIT),
            "confirm": _plain("Do it", 30),
            "deny": _plain("Cancel", 30),
            **({"style": button["style"]} if button.get("style") else {}),
        }
    return element


def _plain(text: Any, most: int) -> dict[str, Any]:
    """Return a text that is shown letter by letter: nothing in it calls anybody, not even an emoji."""
    return {"type": "plain_text", "text": cut(" ".join(clean(str(text)).split()), most) or "–", "emoji": False}


def _parts(text: str) -> list[str]:
    """Return a text, escaped, in pieces that fit into sections: whole lines, of which one that is too long is cut."""
    parts: list[str] = []
    for line in clean(text).split("\n"):
        piece = literal(line, SECTION_LIMIT)
        if parts and len(parts[-1]) + 1 + len(piece) <= SECTION_LIMIT:
            parts[-1] += f"\n{piece}"
        else:
            parts.append(piece)
    return [part for part in parts if part.strip()]
