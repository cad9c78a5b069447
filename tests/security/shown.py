# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see in the tools, and what of it is more than text.

The readers are not the collection's own: a mention, a link or a macro is what the vendor's format says it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

#: Characters of a text that are compared: tools cut what is longer.
COMPARED = 90
_ACTIVE_NODES = frozenset(
    {"mention", "inlineExtension", "extension", "bodiedExtension", "mediaInline", "media", "emoji", "status", "date"}
    | {"codeBlock", "panel", "table", "heading", "rule", "bulletList", "orderedList", "blockquote", "inlineCard"}
)
_SLACK_TOKEN = re.compile(r"<([^<>]*)>")


def plain(text: str) -> str:
    """Return what is to be seen of a text: without invisible characters, with single blanks."""
    visible = "".join(
        " " if unicodedata.category(one) in ("Cc", "Zl", "Zp", "Zs") else one
        for one in text
        if unicodedata.category(one) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join(visible.split())


def holds(shown: str, text: str) -> bool:
    """Whether a text is there letter by letter, as far as tools show long ones."""
    wanted = plain(text)[:COMPARED].rstrip()
    # What is invisible may have been dropped, or may have become a blank.
    return wanted.replace(" ", "") in plain(shown).replace(" ", "")


def active_in_document(node: Any, trusted: Collection[str] = ()) -> Iterator[str]:
    """Yield what an Atlassian document holds beyond paragraphs of text. Links to C(trusted) addresses are fine."""
    if isinstance(node, list):
        for inner in node:
            yield from active_in_document(inner, trusted)
    elif isinstance(node, Mapping):
        if node.get("type") in _ACTIVE_NODES:
            yield f"{node['type']} {node.get('attrs')}"
        for mark in node.get("marks") or ():
            if mark.get("type") != "link" or mark.get("attrs", {}).get("href") not in trusted:
                yield f"{mark} around {node.get('text')!r}"
        yield from active_in_document(node.get("content") or [], trusted)


def active_in_slack(markup: str, trusted: Collection[str] = ()) -> list[str]:
    """Return what Slack would act upon in a text: everything in angle brackets but links to trusted addresses."""
    targets = [found.partition("|")[0].replace("&amp;", "&") for found in _SLACK_TOKEN.findall(markup)]
    return [target for target in targets if target not in trusted]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(html: str) -> tuple[set[str], list[tuple[str, str | None]], str]:
    """Return the tags, the attributes and the text of a page."""
    reader = _Page()
    reader.feed(html)
    return set(reader.tags), reader.attributes, "".join(reader.text)
