# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event sources without an engine, all doors open: what they hand out is checked against the schema of the event.

python -m security.intake PORT EVENTS

Nothing is asked of the monitoring system, so that only what was posted is known. Each event is written as one line of
JSON into the file C(EVENTS), with what is wrong with it where something is.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import jsonschema

from ansible_collections.self_healing.devops.plugins.plugin_utils import delivery
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle

COLLECTION = Path(delivery.__file__).absolute().parents[2]
SOURCES = COLLECTION / "extensions/eda/plugins/event_source"
SCHEMA = json.loads((COLLECTION / "extensions/eda/schemas/event.json").read_text("utf-8"))


class Checked:
    """A queue that writes down what rules would see."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._schema = jsonschema.Draft202012Validator(SCHEMA)

    async def put(self, event: dict[str, Any]) -> None:
        wrong = [error.message for error in self._schema.iter_errors(event)]
        with self._file.open("a", encoding="utf-8") as events:
            events.write(json.dumps({"event": event, "wrong": wrong}, default=str) + "\n")


async def main(port: int, file: Path) -> None:
    # Nobody settles what is handed out here.
    lifecycle().patience = 0
    listener = {"host": "127.0.0.1", "port": port, "reconcile_interval": 0}
    given = {"dynatrace": listener, "keptn": {"host": "127.0.0.1", "port": port}, "answers": listener}
    queue = Checked(file)
    sources = {name: runpy.run_path(str(SOURCES / f"{name}.py"))["main"] for name in given}
    await asyncio.gather(*(sources[name](queue, {**arguments, "window": 1000}) for name, arguments in given.items()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
