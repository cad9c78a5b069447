# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from outside, read strictly: what two parsers could read differently is refused.

Pure: bytes in, value or InvalidInputError out.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .errors import InvalidInputError


class _UnfitError(Exception):
    """What is wrong, as the end of a sentence."""


def parse_json(body: bytes, what: str = "the body") -> Any:
    """Return the value of a JSON text in UTF-8. Errors call it C(what).

    Raises InvalidInputError, with the reason in words, for an empty body, other encodings, syntax errors, a name given
    twice in one object, NaN and infinite numbers, half surrogate pairs, and nesting beyond the parser's depth.
    """
    try:
        return _parse(body)
    except _UnfitError as error:
        raise InvalidInputError(f"{what} {error}") from None


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise _UnfitError("is empty, expected JSON")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnfitError(f"is not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _UnfitError(f"is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise _UnfitError("is nested too deeply") from None
    except ValueError:
        # Python refuses to read integers of more than some thousand digits.
        raise _UnfitError("holds a number that is too long") from None
    if "\\u" in text:
        _refuse_half_characters(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique: dict[str, Any] = {}
    for name, value in pairs:
        if name in unique:
            raise _UnfitError(f"names {name[:64]!r} twice in one object")
        unique[name] = value
    return unique


def _refuse_constant(name: str) -> Any:
    raise _UnfitError(f"holds {name}, which is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _UnfitError("holds a number that is too large")
    return number


def _refuse_half_characters(value: Any) -> None:
    """Refuse a lone surrogate now: no file, database or answer could take it later."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise _UnfitError("holds half of a surrogate pair, which is no character") from None
