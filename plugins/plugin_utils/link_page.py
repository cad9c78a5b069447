# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page behind a link that asks: what may be chosen. Pure: values in, HTML out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from ansible_collections.self_healing.devops.plugins.plugin_utils.pages import facts, page, sentence

#: Characters of a name or a host that is typed, and of a comment.
LONGEST_NAME, LONGEST_COMMENT = 80, 500


@dataclass(frozen=True)
class Form:
    """What the page offers. C(names) are those who may have got the link, empty when it is known whose it is.

    C(options) are those that may be chosen with it, C(elsewhere) those that may be chosen on other channels only.
    C(confirm) are the short names of those for which the name of the host has to be typed.
    """

    incident: Mapping[str, Any]
    to: str
    personal: bool
    options: Sequence[Mapping[str, Any]]
    elsewhere: Sequence[Mapping[str, Any]]
    confirm: frozenset[str]
    names: Sequence[str]
    proof: str


def form_page(form: Form, problem: str = "") -> str:
    """Return the page that asks. C(problem) says what was missing when it was sent before."""
    incident = form.incident
    warning = f'<p role="alert"><strong>{escape(problem)}</strong></p>' if problem else ""
    options = "".join(_option(number, option, form) for number, option in enumerate(form.options, 1))
    elsewhere = "".join(
        f'<section><strong>{escape(str(option["label"]))}</strong> <span class="note">(not with this link)</span>'
        f"<p>{sentence(option['text'])} It is too serious for this link: answer in the alert or in the chat.</p>"
        "</section>"
        for option in form.elsewhere
    )
    title = str(incident["title"])
    return page(
        title,
        f"<h1>{escape(title)}</h1>{facts(incident, ('Sent to', form.to))}{warning}"
        # The first button is what the key Enter presses in a field: it must not choose anything.
        '<form method="post" autocomplete="off"><button disabled hidden></button>'
        f'<input type="hidden" name="proof" value="{escape(form.proof)}">'
        f"{'' if form.personal else _who(form.names)}"
        '<label>Comment (optional)<textarea name="comment" rows="2" '
        f'maxlength="{LONGEST_COMMENT}"></textarea></label>'
        f"{options}</form>{elsewhere}"
        '<p class="note">Nothing happens before you press a button. The first choice counts.</p>',
    )


def _who(names: Sequence[str]) -> str:
    known = "".join(
        f'<label><input type="radio" name="who" value="{escape(name)}">{escape(name)}</label>' for name in names
    )
    other = '<label><input type="radio" name="who" value="">Somebody else</label>' if names else ""
    return (
        f"<fieldset><legend>Who are you?</legend>{known}{other}"
        f'<label>Your name<input type="text" name="name" maxlength="{LONGEST_NAME}"></label></fieldset>'
    )


def _option(number: int, option: Mapping[str, Any], form: Form) -> str:
    name, label = escape(str(option["name"])), escape(str(option["label"]))
    kind = "" if option.get("role") else ' class="other"'
    record = option.get("record") or {}
    worked = f" Worked {record.get('worked', 0)} of {record['tried']} times here." if record.get("tried") else ""
    approvals = int(option.get("approvals") or 1)
    several = f" Needs {approvals} people." if approvals > 1 else ""
    destroys = " <strong>This cannot simply be undone.</strong>" if option.get("destructive") else ""
    typed = ""
    if option["name"] in form.confirm:
        host = escape(str(form.incident["target"]))
        typed = (
            f"<label>To choose &ldquo;{label}&rdquo;, type the name of the host: <strong>{host}</strong>"
            f'<input type="text" name="confirm-{name}" maxlength="{LONGEST_NAME * 4}"></label>'
        )
    return (
        f'<section>{typed}<button name="option" value="{name}"{kind}>{number}. {label}</button>'
        f"<p>{sentence(option['text'])}{worked}{several}{destroys}</p></section>"
    )
