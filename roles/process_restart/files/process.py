# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a service on its own host, or stops it. Fed to Python on standard input, so that nothing is left behind.

The one argument is a question in JSON, whose C(verb) is C(look), C(stop), C(past), C(around) or C(note). Prints one
JSON object made of numbers, truth values and plain words: no text that a service says gets into it. Texts go to
standard error, where a failure says its reason too.
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
    verb = asked.pop("verb")
    if verb == "look":
        question, probed = Question(**asked.pop("service")), Probe(**asked.pop("probe"))
        return look(question, probed, **asked), ""
    if verb == "stop":
        return stop(Question(**asked.pop("service")), **asked), ""
    if verb == "past":
        return past(**asked), ""
    if verb == "around":
        found = around(Around(**asked))
        return {**found.figures, "report_lines": len(found.report)}, "\n".join([*found.report, *found.log])
    return {"noted": note_start(Path(asked["file"]), asked["seconds"])}, ""


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
