# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rich text: Jira wiki mark-up (v2) and the Atlassian Document Format (v3), each turned into the other.

The wiki reader knows what matters for safety: mentions, links, images and macros are active, and a backslash in front
of a special character takes that away. Sources: Atlassian's "Text Formatting Notation Help" and "Atlassian Document
Format".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_ESCAPE = re.compile(r"\\([^A-Za-z0-9\s\x80-\U0010ffff])")
_MACRO = re.compile(r"\{(?:[A-Za-z][\w-]*)(?:[:=|][^{}\n]*)?\}|\{\{[^{}\n]+\}\}")
_LINK = re.compile(r"\[([^\[\]\n]+)\]")
_IMAGE = re.compile(r"!(?=\S)[^!\n]+(?<=\S)!")
_ADDRESS = re.compile(r"(?:https?|ftp|file)://[^\s\[\]{}|\\\"'<>]+|mailto:[\w.%+-]+@[\w.-]+")
_TARGET = re.compile(r"[~#^]|mailto:|(?:https?|ftp|file)://|//")
BLOCK_NODES = frozenset(
    {
        "paragraph",
        "heading",
        "bulletList",
        "orderedList",
        "codeBlock",
        "blockquote",
        "panel",
        "rule",
        "table",
        "mediaSingle",
    }
)


class DocumentError(ValueError):
    """The value is no valid Atlassian document."""


@dataclass(frozen=True)
class RichText:
    """One text in both forms. C(wiki) is what v2 shows, C(document) what v3 shows."""

    wiki: str
    document: dict[str, Any]

    @property
    def plain(self) -> str:
        """What a person reads in the browser."""
        return document_text(self.document)


def from_wiki(text: str, *, cloud: bool) -> RichText:
    """Read wiki text. Cloud keeps a document and gives wiki text back: trailing blanks and empty lines get lost."""
    if cloud:
        lines = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
        text = re.sub(r"\n{3,}", "\n\n", lines).strip("\n")
    return RichText(text, _document(text))


def from_document(document: Any) -> RichText:
    """Check and take an Atlassian document. Raises DocumentError."""
    if not isinstance(document, dict) or document.get("type") != "doc" or document.get("version") != 1:
        raise DocumentError("not a document")
    content = document.get("content")
    if not isinstance(content, list):
        raise DocumentError("no content")
    for node in content:
        _check(node, top=True)
    return RichText(document_text(document), document)


def document_text(node: dict[str, Any]) -> str:
    """Return the text of a document as a browser would show it, without its formatting."""
    kind = node.get("type")
    children = [document_text(child) for child in node.get("content", [])]
    if kind == "text":
        return str(node["text"])
    if kind == "hardBreak":
        return "\n"
    if kind == "mention":
        return str(node["attrs"].get("text") or f"@{node['attrs']['id']}")
    if kind == "doc":
        return "\n\n".join(children)
    if kind in ("bulletList", "orderedList"):
        return "\n".join(f"- {child}" for child in children)
    return "".join(children) if kind not in ("listItem", "blockquote", "panel") else "\n".join(children)


def inline(text: str) -> list[dict[str, Any]]:
    """Return the inline nodes that one line of wiki text becomes."""
    nodes: list[dict[str, Any]] = []
    literal: list[str] = []

    def flush() -> None:
        if literal:
            nodes.append({"type": "text", "text": "".join(literal)})
            literal.clear()

    position = 0
    while position < len(text):
        escaped = _ESCAPE.match(text, position)
        if escaped:
            if escaped[1] == "\\":
                flush()
                nodes.append({"type": "hardBreak"})
            else:
                literal.append(escaped[1])
            position = escaped.end()
            continue
        node, end = _active(text, position)
        if end > position:
            flush()
            nodes.append(node)
            position = end
            continue
        literal.append(text[position])
        position += 1
    flush()
    return nodes


def _active(text: str, position: int) -> tuple[dict[str, Any], int]:
    """Return the node that begins at C(position) and where its mark-up ends, or C(position) when there is none."""
    if found := _LINK.match(text, position):
        label, _bar, target = found[1].rpartition("|")
        if target.startswith("~"):
            name = target[1:].removeprefix("accountid:")
            return {"type": "mention", "attrs": {"id": name, "text": f"@{name}"}}, found.end()
        if _TARGET.match(target):
            mark = {"type": "link", "attrs": {"href": target}}
            return {"type": "text", "text": label or target, "marks": [mark]}, found.end()
    if found := _MACRO.match(text, position):
        return {"type": "inlineExtension", "attrs": {"extensionType": "macro", "extensionKey": found[0]}}, found.end()
    if found := _IMAGE.match(text, position):
        return {"type": "mediaInline", "attrs": {"id": found[0][1:-1]}}, found.end()
    if found := _ADDRESS.match(text, position):
        mark = {"type": "link", "attrs": {"href": found[0]}}
        return {"type": "text", "text": found[0], "marks": [mark]}, found.end()
    return {}, position


def _document(text: str) -> dict[str, Any]:
    paragraphs = []
    for block in re.split(r"\n{2,}", text.replace("\r\n", "\n")):
        content: list[dict[str, Any]] = []
        for number, line in enumerate(block.split("\n")):
            content += [{"type": "hardBreak"}] if number else []
            content += inline(line)
        if content:
            paragraphs.append({"type": "paragraph", "content": content})
    return {"type": "doc", "version": 1, "content": paragraphs}


def _check(node: Any, *, top: bool = False) -> None:
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        raise DocumentError("a node without a type")
    if top and node["type"] not in BLOCK_NODES:
        raise DocumentError(f"{json.dumps(node['type'])} cannot stand at the top")
    if node["type"] == "text" and not (isinstance(node.get("text"), str) and node["text"]):
        raise DocumentError("an empty text")
    for child in node.get("content", []):
        if node["type"] == "codeBlock" and (not isinstance(child, dict) or child.get("type") != "text"):
            raise DocumentError("a code block holds only text")
        _check(child)
