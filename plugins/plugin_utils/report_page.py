# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page that tells how an incident goes: a report that is true whenever it is opened. Pure: values in, HTML out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.incident import iso
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import TOLD
from ansible_collections.self_healing.devops.plugins.module_utils.web_address import is_web_address
from ansible_collections.self_healing.devops.plugins.plugin_utils.pages import clock, facts, page

#: While something is being done to the host the page is loaded again after so many seconds.
AGAIN = 10
_BEING_DONE = ("healing", "verifying")


def report_page(incident: Mapping[str, Any], now: datetime) -> str:
    """Return the report of an incident (L(Incident.to_dict))."""
    title = str(incident["title"])
    return page(
        title,
        f"<h1>{escape(title)}</h1>"
        f"{facts(incident, ('Problem', _problem(incident)), ('State', incident['state']), ('As of', clock(iso(now))))}"
        f"{_elsewhere(incident)}{_evidence(incident['evidence'])}{_timeline(incident)}",
        AGAIN if incident["state"] in _BEING_DONE else 0,
    )


def _problem(incident: Mapping[str, Any]) -> str:
    problem = incident["problem"]
    return f"{problem['display_id'] or problem['number']}, {problem['status']}"


def _elsewhere(incident: Mapping[str, Any]) -> str:
    """Return links to the problem and to the tools that show the incident."""
    problem = incident["problem"]["url"]
    named = [("Problem", problem)]
    # Where the problem itself is what a tool shows it on, one link is enough.
    named += [
        (str(name).capitalize(), tool["url"])
        for name, tool in sorted(incident["tools"].items())
        if tool["url"] != problem
    ]
    links = [f'<a href="{escape(url)}">{escape(name)}</a>' for name, url in named if url and is_web_address(url)]
    return f"<p>{' · '.join(links)}</p>" if links else ""


def _evidence(evidence: Mapping[str, Any]) -> str:
    """Return the figures before and after the remedy, side by side, without those that nobody could tell."""
    before, after = evidence.get("before"), evidence.get("after")
    newest = after or before
    if not newest:
        return ""
    first, last = (before or {}).get("figures", {}), (after or {}).get("figures", {})
    rows = "".join(
        f'<tr><th scope="row">{escape(str(name).replace("_", " "))}</th>'
        f"<td>{_figure(first.get(name))}</td><td>{_figure(last.get(name))}</td></tr>"
        for name in {**first, **last}
        if (first.get(name), last.get(name)) != (None, None)
    )
    state = f"{_found(before)}</td><td>{_found(after)}"
    return (
        f"<h2>Found on {escape(str(newest['host'] or 'the target'))}</h2><table>"
        '<thead><tr><td></td><th scope="col">Before</th><th scope="col">After</th></tr></thead>'
        f'<tbody><tr><th scope="row">state</th><td>{state}</td></tr>{rows}</tbody></table>'
    )


def _found(evidence: Mapping[str, Any] | None) -> str:
    return "–" if not evidence else "healthy" if evidence["healthy"] else "not healthy"


def _figure(value: Any) -> str:
    return "–" if value is None else escape(str(value))


def _timeline(incident: Mapping[str, Any]) -> str:
    lines = "".join(_lines(incident["timeline"]))
    return f"<h2>What happened</h2><ol>{lines}</ol>"


def _lines(timeline: Any) -> Iterator[str]:
    day = ""
    for entry in timeline:
        if entry["kind"] not in TOLD and entry["kind"] != "detected":
            continue
        shown = clock(entry["at"]) or str(entry["at"])
        # The date is told where it changes only.
        at = shown if shown[:10] != day else shown[11:]
        day = shown[:10]
        yield (
            f'<li><time datetime="{escape(str(entry["at"]))}">{escape(at)}</time> '
            f'<span class="who">{escape(str(entry["actor"]))}</span><br>{escape(str(entry["text"]))}</li>'
        )
