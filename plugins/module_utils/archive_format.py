# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file format of an archive: a header, then one line of JSON for each incident. Knows no database.

Lines are read one at a time, so that an archive may be larger than the memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from . import archive_shapes
from .errors import InvalidInputError, JournalError, SelfHealingError
from .incident import Incident, TimelineEntry, iso
from .strict_json import parse_json
from .timeline import fold

FORMAT = "self_healing.devops/journal"
VERSION = 1
#: The longest line (bytes). What is longer is neither written nor read.
LONGEST_LINE = 64 << 20
#: A header is short. Any other file is recognised without reading much of it.
LONGEST_HEADER = 1000
_MEND = "Mend this line or take it out, or export again where the file comes from"


def header(schema: int, now: datetime) -> bytes:
    """Return the first line of an archive. C(schema) is the version of the tables that it was read from."""
    return encode({"format": FORMAT, "version": VERSION, "schema": schema, "exported_at": iso(now)})


def encode(value: Mapping[str, Any]) -> bytes:
    """Return a line. What JSON or UTF-8 cannot say (half characters, infinite numbers) is said by C(?) and null.

    Raises JournalError when the line would be too long to be read again.
    """
    try:
        said = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        said = json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)
    line = said.encode("utf-8", "replace") + b"\n"
    if len(line) > LONGEST_LINE:
        raise JournalError(
            f"incident {value.get('incident')} takes more than {LONGEST_LINE >> 20} MiB and cannot be exported: "
            "its attachments are too large; copy the database instead"
        )
    return line


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two values are the same in an archive, where what JSON cannot say is equal to what stands for it."""
    first, second = (json.loads(encode(value)) for value in (one, other))
    return bool(first == second)


def is_header(line: bytes) -> bool:
    """Whether a file that begins with C(line) is an archive."""
    try:
        archive_shapes.header(parse_json(line), "")
    except InvalidInputError:
        return False
    return True


def read_archive(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each line and the incident that it holds.

    Raises InvalidInputError that names the line, the field and the mend.
    """
    _read_header(file)
    seen: set[str] = set()
    number = 1
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        value = _read_line(line, number)
        for name in (value["incident"], *(item["id"] for item in value["due"])):
            if name in seen:
                raise unfit(number, f"{name} is in an earlier line already")
            seen.add(name)
        yield number, value


def unfit(number: int, reason: str, mend: str = _MEND) -> InvalidInputError:
    return InvalidInputError(f"line {number}: {reason}. {mend}.", line=number)


def incident_of(value: Mapping[str, Any]) -> Incident:
    """Return the incident that a line tells of, folded from its timeline."""
    return fold(value["incident"], [entry_of(line) for line in value["timeline"]])


def entry_of(line: Mapping[str, Any]) -> TimelineEntry:
    return TimelineEntry(
        line["n"],
        datetime.fromisoformat(line["at"]),
        line["actor"],
        line["kind"],
        line["text"],
        line["data"],
        line["key"],
    )


def _read_header(file: BinaryIO) -> None:
    line = file.readline(LONGEST_HEADER)
    try:
        value = parse_json(line, "it")
        archive_shapes.header(value, "")
    except InvalidInputError as error:
        reason = f"this is no archive of a journal: {error.message}"
        raise unfit(1, reason, "Give a file that the module journal has exported") from None
    if value["version"] > VERSION:
        reason = f"the archive was written by a newer release (version {value['version']}, this one knows {VERSION})"
        raise unfit(1, reason, "Update the collection")


def _read_line(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise unfit(number, f"it is longer than {LONGEST_LINE >> 20} MiB")
    if not line.endswith(b"\n"):
        raise unfit(number, "the file is cut off in it", "Copy or export the file again")
    try:
        value: dict[str, Any] = parse_json(line, "it")
        archive_shapes.incident(value)
    except SelfHealingError as error:
        raise unfit(number, error.message) from None
    try:
        # What the journal reads all day has to be possible with it.
        incident_of(value).to_dict()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise unfit(number, f"its timeline makes no sense ({type(error).__name__}: {error})"[:300]) from None
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, (list, tuple)) else value
