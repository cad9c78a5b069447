# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the records of a service manager say about the last minutes: how often a service was started, how it ended.

A record is the journal of systemd, the log of supervisord, or the events of a container engine. What cannot be read is
None and no error: records are thrown away, and not everybody may read them.
"""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from service_host import LookError, run

#: What systemd logs, by the identifier of its message (systemd.directives(7), sd-messages.h).
JOURNAL = {
    "7d4958e842da4a758f6c1cdc7b36dcc5": "starting",
    "39f53479d3a045ac8e11786248231fbf": "started",
    "be02cf6855d2428ba40df7e9d022f03d": "failed",
    "de5b426a63be47a7b6ac3eaac82e2f6f": "stopping",
}
SUPERVISORD = {"spawned": "started", "stopped": "stopping"}
CONTAINER = {"start": "started", "stop": "stopping"}
#: C(2026-11-25 23:21:52,359 WARN exited: shop (terminated by SIGKILL; not expected))
LOGGED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ (\w+): (.*)")
ENDED = re.compile(r"\((?:exit status (\d+)|terminated by (SIG\w+))")


class Record(NamedTuple):
    """One line of the record, C(at) in seconds since 1970. How a process ended: C(code), or C(number) of a signal."""

    at: float
    what: str
    code: int | None = None
    number: int | None = None


def past(command: list[str], reads: str, seconds: float, name: str) -> dict[str, Any]:
    """Return what the record says: C(starts) within the last C(seconds), what was C(last), and how the process ended.

    C(reads) is C(journal), C(supervisord), C(container), or C(starts): then C(command) names a file with one time per
    line. C({name}) in the command becomes C(name).
    """
    nothing = {"starts": None, "last": None, "exit_code": None, "exit_signal": None}
    try:
        if reads == "starts":
            records = list(_starts(Path(command[0])))
        else:
            shown = run([part.replace("{name}", name) for part in command])
            if shown.returncode != 0:
                return nothing
            records = list(READERS[reads](shown.stdout, name))
    except (OSError, LookError):
        return nothing
    since = time.time() - seconds
    ended = next((record for record in reversed(records) if (record.code, record.number) != (None, None)), None)
    return {
        "starts": sum(record.at >= since and record.what in ("started", "failed") for record in records),
        "last": records[-1].what if records else None,
        "exit_code": ended.code if ended else None,
        "exit_signal": ended.number if ended else None,
    }


def note_start(file: Path, seconds: float) -> bool:
    """Note in a file that the service is started now, and forget what is older than C(seconds). False: not possible."""
    now = time.time()
    try:
        kept = [record.at for record in _starts(file) if record.at >= now - seconds]
        file.write_text("".join(f"{at:.3f}\n" for at in [*kept, now]))
    except OSError:
        return False
    return True


def _starts(file: Path) -> Iterator[Record]:
    try:
        lines = file.read_bytes().split()[-1000:]
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield Record(float(line), "started")
        except ValueError:
            continue


def _journal(text: str, _name: str) -> Iterator[Record]:
    before = ""
    for line in _objects(text):
        what = JOURNAL.get(str(line.get("MESSAGE_ID")))
        # A start that systemd refused because there were too many is said to have failed, but nothing was started.
        if what and (what != "failed" or before == "starting"):
            yield Record(_number(line.get("__REALTIME_TIMESTAMP")) / 1_000_000, what)
        before = what or before


def _supervisord(text: str, name: str) -> Iterator[Record]:
    # Its log names a process without its group.
    own = re.compile(rf"'?{re.escape(name.rpartition(':')[2])}'?(?: |$)")
    for line in text.splitlines():
        found = LOGGED.match(line)
        if not found or not own.match(found[3]):
            continue
        try:
            at = time.mktime(time.strptime(found[1], "%Y-%m-%d %H:%M:%S"))
        except (ValueError, OverflowError):
            continue
        how = ENDED.search(found[3]) if found[2] in ("exited", "stopped") else None
        code = int(how[1]) if how and how[1] else None
        number = getattr(signal, how[2], None) if how and how[2] else None
        yield Record(at, SUPERVISORD.get(found[2], found[2]), code, None if number is None else int(number))


def _container(text: str, _name: str) -> Iterator[Record]:
    for line in _objects(text):
        status = str(line.get("Action") or line.get("Status") or line.get("status"))
        if status in CONTAINER:
            at = line.get("timeNano") or line.get("TimeNano")
            yield Record(_number(at) / 1e9 if at else _time(line.get("time") or line.get("Time")), CONTAINER[status])


READERS = {"journal": _journal, "supervisord": _supervisord, "container": _container}


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _time(value: object) -> float:
    """Return a time that is a number of seconds, or a text like C(2026-11-25T23:20:06.033086944Z)."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", str(value))
    if not found:
        return _number(value)
    return datetime.fromisoformat(found[1] + found[2].replace("Z", "+00:00")).timestamp()
