# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages behind a signed link: what may be chosen, and what became of a choice. Pure: values in, HTML out.

No script and nothing from elsewhere: the pages work on any phone, and what they hold of an event is text and stays it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

#: Characters of a name or a host that is typed, and of a comment.
LONGEST_NAME, LONGEST_COMMENT = 80, 500

_STYLE = """
:root{color-scheme:light dark;--text:#16191d;--back:#fff;--soft:#4a5158;--line:#767c83;--strong:#0b4f9e;--on:#fff}
@media (prefers-color-scheme:dark){:root{--text:#eef0f2;--back:#14171a;--soft:#b4bbc2;--line:#8b929a;
--strong:#8fc1ff;--on:#0b1420}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:36rem;padding:1rem;font:1.0625rem/1.45 system-ui,sans-serif;
color:var(--text);background:var(--back);overflow-wrap:anywhere}
h1{font-size:1.375rem;line-height:1.25;margin:.25rem 0 .75rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem .75rem;margin:0 0 1rem}
dt{color:var(--soft)}dd{margin:0}
fieldset{border:1px solid var(--line);border-radius:.5rem;margin:0 0 1rem;padding:.5rem .75rem}
legend{padding:0 .375rem;font-weight:600}
label{display:block;padding:.5rem 0}
input[type=radio]{width:1.25rem;height:1.25rem;vertical-align:-.2rem;margin:0 .5rem 0 0}
input[type=text],textarea{display:block;width:100%;font:inherit;color:inherit;background:transparent;
border:1px solid var(--line);border-radius:.375rem;padding:.625rem;margin-top:.25rem}
section{border-top:1px solid var(--line);padding:.75rem 0}
section p{margin:.375rem 0 0;color:var(--soft)}
button{width:100%;min-height:3rem;font:inherit;font-weight:600;text-align:start;padding:.625rem .875rem;
border:2px solid var(--strong);border-radius:.5rem;background:var(--strong);color:var(--on);cursor:pointer}
button.other{background:transparent;color:var(--strong)}
:focus-visible{outline:3px solid var(--text);outline-offset:2px}
.note{color:var(--soft)}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing but the page itself and its own form.
HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


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
    facts = [
        ("Host", incident["target"]),
        ("Service", incident["service"]),
        ("Severity", incident["severity"]),
        ("Since", _clock(incident["problem"]["opened_at"] or incident["times"].get("detected"))),
        ("Root cause", (incident["root_cause"] or {}).get("name")),
        ("Sent to", form.to),
    ]
    told = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts if value)
    warning = f'<p role="alert"><strong>{escape(problem)}</strong></p>' if problem else ""
    options = "".join(_option(number, option, form) for number, option in enumerate(form.options, 1))
    elsewhere = "".join(
        f'<section><strong>{escape(str(option["label"]))}</strong> <span class="note">(not with this link)</span>'
        f"<p>{_sentence(option['text'])} It is too serious for this link: answer in the alert or in the chat.</p>"
        "</section>"
        for option in form.elsewhere
    )
    title = str(incident["title"])
    return _page(
        title,
        f"<h1>{escape(title)}</h1><dl>{told}</dl>{warning}"
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
        f"<p>{_sentence(option['text'])}{worked}{several}{destroys}</p></section>"
    )


def told_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _sentence(text: Any) -> str:
    said = str(text).strip().rstrip(".")
    return escape(said[:1].upper() + said[1:]) + "." if said else ""


def _clock(at: Any) -> str | None:
    """Return C(2026-11-22T08:00:41.123Z) as people read it."""
    return f"{at[:10]} {at[11:19]} UTC" if isinstance(at, str) and len(at) >= 19 else None
