# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The selector languages of the API, as far as the emulated data can be selected."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .wire import violation

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class Term:
    """C(name("value","value")): the name, its values and whether each value was quoted."""

    name: str
    values: tuple[str, ...]
    quoted: bool


def parse(text: str, path: str, criteria: Collection[str]) -> list[Term]:
    """Return the terms of C(name(values),name(values)), which all have to hold.

    C(path) is the parameter's name. C(criteria) are the names that it knows.
    """
    terms = []
    rest = text.strip()
    while rest:
        name = _NAME.match(rest)
        if not name or not rest[name.end() :].startswith("("):
            raise violation(path, f"unexpected text at '{rest[:32]}'")
        if name.group() not in criteria:
            raise violation(path, f"'{name.group()[:64]}' is not a criterion")
        values, quoted, rest = _values(rest[name.end() + 1 :], path)
        terms.append(Term(name.group(), values, quoted))
        rest = rest.lstrip()
        if rest:
            if not rest.startswith(","):
                raise violation(path, f"a comma is missing before '{rest[:32]}'")
            rest = rest[1:].lstrip()
            if not rest:
                raise violation(path, "ends with a comma")
    return terms


def _values(rest: str, path: str) -> tuple[tuple[str, ...], bool, str]:
    """Return the values up to the closing parenthesis, whether all were quoted, and what follows."""
    values: list[str] = []
    quoted = True
    while True:
        rest = rest.lstrip()
        if rest.startswith('"'):
            value, rest = _quoted(rest[1:], path)
        else:
            end = re.search(r"[,)]", rest)
            if not end:
                raise violation(path, "a closing parenthesis is missing")
            value, rest = rest[: end.start()].strip(), rest[end.start() :]
            quoted = False
        values.append(value)
        rest = rest.lstrip()
        if rest.startswith(")"):
            return tuple(values), quoted, rest[1:]
        if not rest.startswith(","):
            raise violation(path, "a closing parenthesis is missing")
        rest = rest[1:]


def _quoted(rest: str, path: str) -> tuple[str, str]:
    """Return the text up to the closing quote, with C(~) as the escape character, and what follows."""
    value = ""
    position = 0
    while position < len(rest):
        character = rest[position]
        if character == "~" and position + 1 < len(rest):
            value += rest[position + 1]
            position += 2
            continue
        if character == '"':
            return value, rest[position + 1 :]
        value += character
        position += 1
    raise violation(path, "a closing quote is missing")


def quoted_values(term: Term, path: str) -> tuple[str, ...]:
    """Return the values of a term whose values must be in quotes."""
    if not term.quoted:
        raise violation(path, f"the values of {term.name} must be in quotes")
    return term.values


@dataclass(frozen=True)
class MetricTerm:
    """One metric of a metric selector with its transformations: C(builtin:x.y:splitBy(...):avg)."""

    text: str
    key: str
    transformations: tuple[tuple[str, str], ...]


def parse_metrics(text: str) -> list[MetricTerm]:
    """Return the metrics of a metric selector. At most 10, as the vendor allows."""
    parts = [part.strip() for part in _split(text, ",")]
    if not text.strip() or len(parts) > 10:
        raise violation("metricSelector", "must select 1 to 10 metrics")
    return [_metric(part) for part in parts]


def _metric(text: str) -> MetricTerm:
    pieces = _split(text, ":")
    # The first colon belongs to the key: builtin:service.response.time.
    key_pieces = 2 if len(pieces) > 1 and "(" not in pieces[1] and "." in pieces[1] else 1
    key = ":".join(pieces[:key_pieces])
    transformations = []
    for piece in pieces[key_pieces:]:
        match = re.fullmatch(r"([A-Za-z]+)(?:\((.*)\))?", piece, re.DOTALL)
        if not match:
            raise violation("metricSelector", f"'{piece[:64]}' is not a transformation")
        transformations.append((match.group(1), match.group(2) or ""))
    return MetricTerm(text, key, tuple(transformations))


def _split(text: str, separator: str) -> Sequence[str]:
    """Split at separators that are outside parentheses and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")")
        if character == separator and not depth and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
    if depth or quoted:
        raise violation("metricSelector", "a closing parenthesis or quote is missing")
    return [*parts, current]
