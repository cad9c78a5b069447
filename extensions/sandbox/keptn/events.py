# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event of Keptn is: its envelope, the parts of its type, and how the data of several become one."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

#: Who sends the events of the core.
CORE = "shipyard-controller"
SPEC_VERSION = "0.2.4"
PROBLEM = "sh.keptn.events.problem"
MONITORING = "sh.keptn.event.monitoring.configure"
ERROR_LOG = "sh.keptn.log.error"

Data = dict[str, Any]


@dataclass(frozen=True)
class CloudEvent:
    """One event. C(at) is when it was, or for a task that waits, when it will be."""

    type: str
    source: str
    context: str
    data: Data
    at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    triggered_id: str = ""
    commit: str = ""
    #: Whatever the sender called the version; Keptn fills it in where it is missing.
    spec_version: str = SPEC_VERSION

    @property
    def parts(self) -> list[str]:
        return self.type.split(".")

    @property
    def is_task(self) -> bool:
        """Keptn counts the parts of the type, and nothing else."""
        return self.type.startswith("sh.keptn.event.") and len(self.parts) == 5

    @property
    def is_sequence(self) -> bool:
        return self.type.startswith("sh.keptn.event.") and len(self.parts) == 6

    @property
    def kind(self) -> str:
        """The last part of the type: triggered, started, finished, invalidated, changed."""
        return self.parts[-1]

    @property
    def task(self) -> str:
        """The name of the task of a task event."""
        return self.parts[3]

    def text(self, name: str) -> str:
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    @property
    def project(self) -> str:
        return self.text("project")

    @property
    def stage(self) -> str:
        return self.text("stage")

    @property
    def service(self) -> str:
        return self.text("service")

    @property
    def scoped(self) -> bool:
        """Whether the core can tell where it belongs."""
        return bool(self.project and self.stage and self.service)

    def shown(self) -> Data:
        """Return the event as the REST models write it: without empty attributes."""
        body: Data = {
            "contenttype": "application/json",
            "data": self.data,
            "id": self.id,
            "shkeptncontext": self.context,
            "shkeptnspecversion": self.spec_version,
            "source": self.source,
            "specversion": "1.0",
            "time": timestamp(self.at),
            "type": self.type,
        }
        if self.triggered_id:
            body["triggeredid"] = self.triggered_id
        if self.commit:
            body["gitcommitid"] = self.commit
        return body

    def with_data(self, **changes: Any) -> CloudEvent:
        return replace(self, data={**self.data, **changes})


def task_type(task: str, kind: str) -> str:
    return f"sh.keptn.event.{task}.{kind}"


def sequence_type(stage: str, sequence: str, kind: str) -> str:
    return f"sh.keptn.event.{stage}.{sequence}.{kind}"


def now() -> datetime:
    return datetime.now(timezone.utc)


def timestamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def context_for(given: str) -> str:
    """Return the context of an event that gives C(given) as such: a UUID made of what is none."""
    if not given:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(given))
    except ValueError:
        padded = (given.encode("utf-8", errors="replace") + b" " * 16)[:16]
        return str(uuid.UUID(bytes=padded, version=4))


def find(data: Mapping[str, Any], name: str) -> Any:
    """Return a value by its name in any case, as Go's JSON does."""
    lowered = name.lower()
    return data.get(name, next((value for key, value in data.items() if key.lower() == lowered), None))


def merge(old: Any, new: Any) -> Any:
    """Return what Keptn hands on of two data: objects merged, lists one behind the other (new first), else the new."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = dict(old)
        for name, value in new.items():
            merged[name] = merge(old[name], value) if name in old else copy.deepcopy(value)
        return merged
    if isinstance(old, list) and isinstance(new, list):
        return [*copy.deepcopy(new), *old]
    return copy.deepcopy(old) if new is None else copy.deepcopy(new)
