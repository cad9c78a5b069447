# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages behind links are made of. Pure: values in, HTML out.

No script and nothing from elsewhere: the pages work on any phone, and what they hold of an event is text and stays it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

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
a{color:var(--strong)}
h2{font-size:1.0625rem;margin:1.25rem 0 .5rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:start;padding:.375rem .5rem .375rem 0;border-top:1px solid var(--line);vertical-align:top}
thead th,thead td{border-top:0}th{font-weight:400;color:var(--soft)}
td,time{font-variant-numeric:tabular-nums}
ol{list-style:none;margin:0;padding:0}
li{border-top:1px solid var(--line);padding:.5rem 0}
time,.who{color:var(--soft)}
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


def told_page(title: str, text: str, report: str = "") -> str:
    """Return a page that says one thing. C(report) is the address of the incident's report."""
    more = f'<p><a href="{escape(report)}">How the incident goes</a></p>' if report else ""
    return page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{more}")


def page(title: str, body: str, again: int = 0) -> str:
    """Return a page with a body of HTML. It is loaded again after C(again) seconds, never with 0."""
    refresh = f'<meta http-equiv="refresh" content="{again}">' if again else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{refresh}"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def sentence(text: Any) -> str:
    """Return a text as HTML that begins and ends like a sentence."""
    said = str(text).strip().rstrip(".")
    return escape(said[:1].upper() + said[1:]) + "." if said else ""


def clock(at: Any) -> str | None:
    """Return C(2026-11-22T08:00:41.123Z) as people read it."""
    return f"{at[:10]} {at[11:19]} UTC" if isinstance(at, str) and len(at) >= 19 else None


def facts(incident: Mapping[str, Any], *more: tuple[str, Any]) -> str:
    """Return what an incident (L(Incident.to_dict)) is about, as HTML. C(more) are further terms and texts."""
    told = [
        ("Host", incident["target"]),
        ("Service", incident["service"]),
        ("Severity", incident["severity"]),
        ("Since", clock(incident["problem"]["opened_at"] or incident["times"].get("detected"))),
        ("Root cause", (incident["root_cause"] or {}).get("name")),
        *more,
    ]
    lines = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in told if value)
    return f"<dl>{lines}</dl>"
