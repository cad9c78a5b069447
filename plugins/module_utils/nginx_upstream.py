# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and changes which servers of an upstream of nginx are marked C(down), in the text of its configuration. Pure.

Nothing else of the text is touched: comments, blanks and whatever other directives there are stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .errors import ConfigurationError

#: Comments, texts in quotation marks, and what ends or opens something; everything else is a word.
_TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|(?:\\.|[^\s;{}"'#\\])(?:\\.|[^\s;{}\\])*""", re.S
)


@dataclass(frozen=True)
class Token:
    """One word of the configuration, and where it stands in the text."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Entry:
    """One directive C(server) of an upstream. C(end) is where its semicolon stands, C(mark) the word C(down)."""

    address: str
    backup: bool
    end: int
    mark: Token | None

    @property
    def down(self) -> bool:
        return self.mark is not None


def entries(text: str, upstream: str) -> list[Entry]:
    """Return the servers of an upstream. Raises ConfigurationError where the text has none of that name, or two."""
    blocks = list(_blocks(list(_tokens(text)), upstream))
    if len(blocks) != 1:
        raise ConfigurationError(f"it has {len(blocks)} blocks 'upstream {upstream}', expected one")
    return blocks[0]


def with_down(text: str, upstream: str, down: Collection[str], among: Collection[str]) -> str:
    """Return the text in which of the servers C(among) exactly those are marked C(down) that are in C(down)."""
    for entry in sorted(entries(text, upstream), key=lambda one: one.end, reverse=True):
        if entry.address not in among or entry.down == (entry.address in down):
            continue
        if entry.mark is None:
            text = f"{text[: entry.end]} down{text[entry.end :]}"
        else:
            before = text[: entry.mark.start].rstrip(" \t")
            text = before + text[entry.mark.end :]
    return text


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        word = match.group()
        if not word.startswith("#"):
            plain = word[1:-1] if word[0] in "\"'" and len(word) > 1 else word
            yield Token(plain, match.start(), match.end())


def _blocks(tokens: list[Token], upstream: str) -> Iterator[list[Entry]]:
    statement: list[Token] = []
    found: list[Entry] | None = None
    depth = inside = 0
    for token in tokens:
        if token.word not in (";", "{", "}"):
            statement.append(token)
            continue
        if token.word == "{":
            depth += 1
            if [one.word for one in statement] == ["upstream", upstream]:
                found, inside = [], depth
        elif token.word == "}":
            if found is not None and depth == inside:
                yield found
                found = None
            depth -= 1
        elif found is not None and depth == inside and len(statement) > 1 and statement[0].word == "server":
            parameters = statement[2:]
            mark = next((one for one in parameters if one.word == "down"), None)
            found.append(Entry(statement[1].word, any(one.word == "backup" for one in parameters), token.start, mark))
        statement = []
