# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts of the client of Dynatrace share: how it says errors, lists, selectors, tags and moments."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ..errors import AnswerError
from ..http import Api, Response
from ..incident import iso

#: A listing that has more pages than this does not come to an end.
MOST_PAGES = 200
#: Longer keys of a page would not fit into an address (characters).
_LONGEST_KEY = 4096
#: The last moment that a datetime can hold (milliseconds).
_LAST_MOMENT = 253_402_300_799_000


def explain(response: Response) -> tuple[str, str | None]:
    """Return what Dynatrace says about an error: its message with every violated constraint, and its code."""
    envelope = response.json_or_none()
    if isinstance(envelope, list):
        # The settings API says it per object.
        envelope = next((item for item in envelope if isinstance(item, dict) and "error" in item), None)
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if not isinstance(error, dict):
        return response.text[:300], None
    violations = error.get("constraintViolations")
    details = [
        f"{item.get('path')}: {item.get('message')}"
        for item in (violations if isinstance(violations, list) else [])
        if isinstance(item, dict)
    ]
    message = str(error.get("message") or "no reason given")
    code = error.get("code")
    return "; ".join([message, *details])[:500], None if code is None else str(code)


def listing(
    api: Api,
    path: str,
    name: str,
    query: Mapping[str, Any],
    repeated: Mapping[str, Any] | None = None,
    most: int = MOST_PAGES,
) -> Iterator[list[Any]]:
    """Yield what a listing has below C(name), page by page. The items are whatever the list holds.

    C(query) is asked with the first page. Only C(repeated) may stand beside the key of a later page, and has to. Each
    page is asked for when it is wanted, not before. Raises AnswerError when a page has no list, and when the pages do
    not come to an end.
    """
    asked = {**(repeated or {}), **query}
    seen: set[str] = set()
    for _page in range(most):
        page = object_of(api.call("GET", path, query=asked))
        listed = page.get(name)
        if not isinstance(listed, list):
            raise AnswerError(f"Dynatrace: the list of {name} has no {name}")
        yield listed
        key = _next_page_key(page)
        if key is None:
            return
        if key in seen:
            raise AnswerError(f"Dynatrace: the list of {name} goes in a circle")
        seen.add(key)
        asked = {**(repeated or {}), "nextPageKey": key}
    raise AnswerError(f"Dynatrace: the list of {name} has more than {most} pages")


def object_of(response: Response) -> Mapping[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise AnswerError("Dynatrace: the answer is no object")
    return found


def quoted(text: str) -> str:
    """Return text as a value of a selector, where a tilde escapes."""
    return '"' + text.replace("~", "~~").replace('"', '~"') + '"'


def criterion(name: str, values: Collection[str]) -> str:
    """Return C(name("value","value")) of a selector."""
    return f"{name}({','.join(quoted(value) for value in values)})"


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def tags(value: Any) -> list[str]:
    """Return tags as C(key:value), C(key) or C([CONTEXT]key:value)."""
    found = []
    for tag in objects(value):
        key, given, context = (text(tag.get(name)) for name in ("key", "value", "context"))
        prefix = "" if context in ("", "CONTEXTLESS") else f"[{context}]"
        said = text(tag.get("stringRepresentation")) or f"{prefix}{key}{':' if given else ''}{given}"
        if said:
            found.append(said)
    return found


def stub(value: Any) -> dict[str, str]:
    """Return the entity of C({"entityId": {"id": …, "type": …}, "name": …}). Its name may be missing."""
    id_ = mapping(mapping(value).get("entityId"))
    return {"id": text(id_.get("id")), "type": text(id_.get("type")), "name": text(mapping(value).get("name"))}


def moment_of(milliseconds: Any) -> str | None:
    """Return a moment as text, None for -1 ("not ended"), for null and for what is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float)):
        return None
    if not 0 < milliseconds <= _LAST_MOMENT:
        return None
    return iso(datetime.fromtimestamp(milliseconds / 1000, timezone.utc))


def milliseconds_of(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _next_page_key(page: Mapping[str, Any]) -> str | None:
    key = page.get("nextPageKey")
    if key is None or key == "":
        return None
    if not isinstance(key, str) or not key.isascii() or len(key) > _LONGEST_KEY:
        raise AnswerError("Dynatrace: the key of the next page is none")
    return key
