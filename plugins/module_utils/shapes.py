# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a value from outside has to look like, and which part of it does not. Pure.

A shape is a function of a value and of its name. It returns nothing, or raises InvalidInputError with a sentence that
begins with the name, like C(timeline[2].kind).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .errors import InvalidInputError
from .incident import moment

Shape = Callable[[Any, str], None]

#: The largest number that a column of the journal takes.
LARGEST = 2**31 - 1
#: How C(iso) writes a moment.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def text(most: int, pattern: re.Pattern[str] | None = None, least: int = 0) -> Shape:
    """A text of at most C(most) characters, which C(pattern) fits as a whole where there is one."""

    def check(value: Any, name: str) -> None:
        if not isinstance(value, str):
            raise _unexpected(value, name, "a text")
        if not least <= len(value) <= most:
            raise InvalidInputError(f"{name} has {len(value)} characters, expected {least} to {most}")
        if pattern is not None and not pattern.fullmatch(value):
            raise _unexpected(value, name, f"something that fits {pattern.pattern}")

    return check


def one_of(allowed: Collection[str]) -> Shape:
    def check(value: Any, name: str) -> None:
        if not isinstance(value, str) or value not in allowed:
            raise _unexpected(value, name, f"one of {', '.join(sorted(allowed))}")

    return check


def number(least: int = 0, most: int = LARGEST) -> Shape:
    """A whole number."""

    def check(value: Any, name: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _unexpected(value, name, f"a whole number from {least} to {most}")

    return check


def amount(value: Any, name: str) -> None:
    """A number that is not negative: so much time, or so many bytes."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST:
        raise _unexpected(value, name, "a number of at least 0")


def flag(value: Any, name: str) -> None:
    if not isinstance(value, bool):
        raise _unexpected(value, name, "true or false")


def instant(value: Any, name: str) -> None:
    """A moment as C(iso) writes it."""
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value) and moment(value) is not None:
            return
    except ValueError:
        pass
    raise _unexpected(value, name, "a time like 2026-11-22T10:00:00.000Z")


def optional(shape: Shape) -> Shape:
    """Null, or what C(shape) wants."""

    def check(value: Any, name: str) -> None:
        if value is not None:
            shape(value, name)

    return check


def items(shape: Shape) -> Shape:
    def check(value: Any, name: str) -> None:
        if not isinstance(value, list):
            raise _unexpected(value, name, "a list")
        for position, item in enumerate(value):
            shape(item, f"{name}[{position}]")

    return check


def record(fields: Mapping[str, Shape], *, more: bool = False, fewer: bool = False) -> Shape:
    """An object with these fields. C(more) allows others beside them, C(fewer) allows that some are missing."""

    def check(value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise _unexpected(value, name, "an object")
        prefix = f"{name}." if name else ""
        for field, shape in fields.items():
            if field in value:
                shape(value[field], f"{prefix}{field}")
            elif not fewer:
                raise InvalidInputError(f"{prefix}{field} is missing")
        unknown = sorted(set(value) - set(fields))
        if unknown and not more:
            raise InvalidInputError(f"{prefix}{shown(unknown[0])} is not known, expected {', '.join(fields)}")

    return check


def plain(depth: int) -> Shape:
    """An object of any plain values, nested at most C(depth) levels deep."""

    def check(value: Any, name: str) -> None:
        if not isinstance(value, dict):
            raise _unexpected(value, name, "an object")
        level: list[Any] = [value]
        for _level in range(depth):
            level = [inner for outer in level for inner in _values(outer) if isinstance(inner, (dict, list))]
            if not level:
                return
        raise InvalidInputError(f"{name} is nested more than {depth} levels deep")

    return check


def both(first: Shape, second: Shape) -> Shape:
    def check(value: Any, name: str) -> None:
        first(value, name)
        second(value, name)

    return check


def shown(value: Any) -> str:
    """Return a value so that it can be part of a message: short, and without anything that a terminal obeys."""
    said = ascii(value)
    return said if len(said) <= 80 else f"{said[:77]}..."


def _unexpected(value: Any, name: str, wanted: str) -> InvalidInputError:
    return InvalidInputError(f"{name or 'the line'} is {shown(value)}, expected {wanted}")


def _values(outer: Any) -> Collection[Any]:
    return outer.values() if isinstance(outer, dict) else outer
