# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes free text safe for Jira: what somebody wrote into an event stays text and never becomes mark-up.

Jira reads long texts of API version 2 as wiki mark-up. Left alone, a title such as C([~ana] {color:white}…) would
mention people, hide text, load images or disguise links. The notation is Atlassian's "Text Formatting Notation Help":
a backslash in front of a special character makes it an ordinary one. Where that is not possible an invisible word
joiner breaks the construct. Pure functions, standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Collection

#: Jira's limits (characters).
SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767

ELLIPSIS = "…"
#: Invisible, forbids a line break, is no blank and no letter: separates two characters for a parser, not for a reader.
WORD_JOINER = "\u2060"

# Control characters, and those that change the direction of the text around them: they can make text look like another.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_LINE_ENDS = re.compile("\r\n|\r|\x85|\u2028|\u2029")
_BLANKS = re.compile(r"\s+")
#: Stands for a trusted address while the text around it is escaped. Visible text cannot hold this character.
_PLACE = "\x00"

# Jira gives an address that stands in a text a link of its own.
_ADDRESS = re.compile(r"https?://[^\s<>\"\\]+", re.IGNORECASE)
_SAFE_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@$&'()*+,;=%-]+", re.IGNORECASE)
_SENTENCE_END = ".,;:!?)]}|*_"

# What an invisible word joiner breaks: our own escapes undone by a backslash, addresses, entities, what begins a line
# (headings, bullets, rules), smileys.
_BROKEN = re.compile(
    r"""(?<=\\)(?=[^A-Za-z0-9\s]|\Z)
    | (?<=[a-z0-9]:)(?=//)
    | (?<=mailto:)
    | (?<=&)(?=\#?[a-z0-9]+;)
    | ^(?=[ \t]*(?:(?:h[1-6]|bq)\.|[*\#-]+[ \t]|-{4}))
    | (?<=[:;])(?=-?[()])
    | (?<=[:;])(?=[dp](?![a-z0-9]))""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# What a backslash makes ordinary.
_ESCAPED = re.compile(
    r"""[\[\]{}|]                                                            # links, mentions, macros, tables
    | (?<![a-z0-9])[*_?+^~-](?=\S)                                           # bold, italic, struck out, …
    | !(?=\S)                                                                # images
    | \((?=(?:[/x!?+*-]|y|n|on|off|i|\*[rgby]|flag|flagoff)\))               # signs that are drawn: (/) (x) (on)""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)


def summary(text: str) -> str:
    """Return C(text) as the summary of an issue: one line, at most 255 characters, a cut is shown by C(…)."""
    return cap(_BLANKS.sub(" ", visible(text)).strip(), SUMMARY_LIMIT) or ELLIPSIS


def long_text(text: str, addresses: Collection[str] = ()) -> str:
    """Return C(text) as a description or comment: inert, tidy, and at most 32767 characters long.

    C(addresses) may still be clicked where they stand in the text as they are; all others are shown only.
    """
    lines = "\n".join(line.rstrip() for line in visible(text).split("\n"))
    tidy = re.sub(r"\n{3,}", "\n\n", lines).strip("\n")
    return cap(inert(tidy, addresses), TEXT_LIMIT)


def inert(text: str, addresses: Collection[str] = ()) -> str:
    """Return wiki text that shows C(text) literally, see long_text()."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        address = _trusted(found[0], addresses)
        if address is None:
            return found[0]
        kept.append(address)
        return _PLACE + found[0][len(address) :]

    marked = _ADDRESS.sub(keep, visible(text))
    first, *others = _ESCAPED.sub(r"\\\g<0>", _BROKEN.sub(WORD_JOINER, marked)).split(_PLACE)
    return first + "".join(address + other for address, other in zip(kept, others, strict=True))


def cap(text: str, limit: int) -> str:
    """Return at most C(limit) characters of C(text); a cut is shown by C(…) and never splits an escaped character."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rstrip("\\ \n") + ELLIPSIS


def _trusted(address: str, addresses: Collection[str]) -> str | None:
    """Return the trusted address that C(address) is, without the full stop or bracket of the sentence around it."""
    for candidate in (address, address.rstrip(_SENTENCE_END)):
        if candidate in addresses and _SAFE_ADDRESS.fullmatch(candidate):
            return candidate
    return None


def visible(text: str) -> str:
    """Return C(text) without characters that nobody sees, and with plain line ends."""
    return _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
