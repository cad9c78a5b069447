# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what Keptn v2 (the lifecycle operator) tells of a release into a L(Problem). Pure.

Its events have no context: a release is known by namespace, name and version of its resource. They need no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import look
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import SERVICE_NAME, Entity, Problem
from ansible_collections.self_healing.devops.plugins.module_utils.shapes import shown
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn_words import (
    FAILED_STATES,
    LAST_PHASES,
    PHASES,
    SOURCE,
    mapping_at,
    moment_at,
    text_at,
)

LIFECYCLE_SOURCE = "keptn.sh"
#: What Kubernetes lets resources and versions be called.
_RESOURCE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}")


def is_lifecycle(type_: str, source: Any) -> bool:
    """Whether an event comes from Keptn v2."""
    return type_.rpartition(".")[0] in PHASES or source == LIFECYCLE_SOURCE


def release(attributes: Mapping[str, Any], data: Mapping[str, Any], tenant: str) -> tuple[Problem | None, bool]:
    """Return the problem of a release, and whether this is its end, which is of no interest unless it is known.

    There is none where a release merely goes on. Raises InvalidInputError that names the field.
    """
    phase, _dot, state = str(attributes.get("type")).rpartition(".")
    # What took too long is reported as finished, with a warning.
    late = state == "Finished" and text_at(data, "type", 16) == "Warning"
    failed = phase in PHASES and (state in FAILED_STATES or late)
    ended = phase in LAST_PHASES and state == "Finished" and not late
    if not failed and not ended:
        return None, False
    resource = mapping_at(data, "resource")
    namespace, name = (_plain(resource, word) for word in ("namespace", "name"))
    version = text_at(data, "version", 128)
    version = version if _VERSION.fullmatch(version) else ""
    at = moment_at(attributes)
    problem = Problem(
        source=SOURCE,
        tenant=tenant,
        problem_id=f"{namespace}/{name}@{version}",
        display_id=name,
        status="open" if failed else "resolved",
        title=f"{phase} failed: {name}",
        kind="bad_release",
        severity="high",
        service=name if SERVICE_NAME.fullmatch(name) else None,
        entities=(
            Entity(f"keptn:{namespace}/{name}", text_at(resource, "kind", 64) or "KEPTN_RELEASE", name),
            Entity(f"keptn:{namespace}", "NAMESPACE", namespace),
        ),
        tags=tuple(filter(None, (f"version: {version}" if version else "", text_at(data, "message", 300)))),
        opened_at=at if failed else None,
        resolved_at=None if failed else at,
    )
    return problem, ended


def _plain(resource: Mapping[str, Any], word: str) -> str:
    found = look(resource, word)
    if not isinstance(found, str) or not _RESOURCE.fullmatch(found):
        raise InvalidInputError(f"data.resource.{word} is {shown(found)}, expected a name of Kubernetes")
    return found
