# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what every task did on every host to the file that RECORD_FILE names, one JSON object per line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record
type: notification
short_description: Records results for tests
description:
  - Writes what every task did on every host to a file.
requirements:
  - the environment variable RECORD_FILE
"""

KEPT = ("msg", "stdout", "stderr", "rc", "ansible_facts", "diff")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"

    def _write(self, outcome: str, result: Any) -> None:
        # ansible-core 2.19 gives attributes what older ones give private names.
        host = result.host if hasattr(result, "host") else result._host
        task = result.task if hasattr(result, "task") else result._task
        found = result.result if hasattr(result, "result") else result._result
        line = {
            "host": host.get_name(),
            "task": task.get_name().rpartition(" : ")[2],
            "outcome": outcome,
            "changed": bool(found.get("changed")),
            **{name: found[name] for name in KEPT if name in found},
        }
        with Path(os.environ["RECORD_FILE"]).open("a") as record:
            record.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)
