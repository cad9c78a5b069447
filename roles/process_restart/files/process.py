# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a service on its own host, or stops it. Fed to Python on standard input, so that nothing is left behind.

The one argument is a question in JSON, whose C(verb) is C(look), C(stop) or C(note). Prints one JSON object made of
numbers, truth values and plain words: no text that a service says gets into it. Texts go to standard error, where a
failure says its reason too.
Needs Python 3.8 and nothing else, and the other files of this folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from service_around import Around, around
from service_host import LookError
from service_look import look, stop
from service_past import note_start, past
from service_probe import Probe
from service_state import Question


def answer(asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return what is asked for, and texts about it. Raises LookError, OSError."""
    if asked["verb"] == "look":
        return _look(asked)
    if asked["verb"] == "stop":
        return stop(Question(**asked["service"]), asked["seconds"]), ""
    return {"noted": note_start(Path(asked["file"]), asked["seconds"])}, ""


def _look(asked: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Look at the service, at the last minutes of one that is not healthy, and for evidence at what is around it."""
    question = Question(**asked["service"])
    facts = look(question, Probe(**asked["probe"]), asked["seconds"], asked["settle"])
    words = facts["words"]
    facts.update(past={}, around={}, report_lines=0)
    if facts["wrong"]:
        named = words.get(question.name_key, "?")
        facts["past"] = past(**asked["past"], name=asked["name"] if named in ("", "?") else named)
    if not asked["around"]:
        return facts, ""
    last = words.get(question.last_pid_key, "")
    pid = facts["pid"] or (int(last) if last.isdigit() else 0)
    found = around(Around(**{**asked["around"], "pid": pid, **({} if facts["wrong"] else {"log": None})}))
    facts.update(around=found.figures, report_lines=len(found.report))
    return facts, "\n".join([*found.report, *found.log])


def main(argument: str) -> int:
    try:
        facts, text = answer(json.loads(argument))
    except LookError as error:
        sys.stderr.write(str(error))
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'the host'}: {error.strerror or error}")
        return 1
    sys.stdout.write(json.dumps(facts))
    sys.stderr.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
