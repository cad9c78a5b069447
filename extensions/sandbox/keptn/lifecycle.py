# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Keptn 2, the lifecycle toolkit, sends: CloudEvents in binary mode, once, to whatever address it was given."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

import aiohttp

from .events import Data, now

TIMEOUT = 10.0
SOURCE = "keptn.sh"
PHASES = (
    "Workload Pre-Deployment Tasks",
    "Workload Post-Deployment Tasks",
    "Workload Pre-Deployment Evaluations",
    "Workload Post-Deployment Evaluations",
    "Workload Deployment",
    "App Pre-Deployment Tasks",
    "App Post-Deployment Tasks",
    "App Pre-Deployment Evaluations",
    "App Post-Deployment Evaluations",
    "Promotion Tasks",
    "App Deployment",
    "Reconcile Evaluation",
    "Reconcile Task",
    "Reconcile Workloads",
    "Create Evaluation",
    "Create Task",
    "Create AppCreationRequest",
    "Create Workload",
    "Update Workload",
    "Create WorkloadVersion",
    "Create AppVersion",
    "Deprecate AppVersion",
    "App Completed",
    "Workload Completed",
    "Completed",
    "Deprecated",
)
STATES = ("Finished", "Started", "Failed", "StatusChanged", "ReconcileError", "ReconcileTimeout", "NotFound")


def lifecycle_event(given: Mapping[str, Any]) -> tuple[dict[str, str], Data]:
    """Return headers and body of an event. Raises ValueError when there is no such phase or state.

    C(phase) and C(state) make its type; C(name), C(namespace), C(version), C(message) and C(type) (Normal or Warning)
    say more. The resource tells its kind only with C(typed): Keptn often does not.
    """
    phase, state = str(given.get("phase", "App Deployment")), str(given.get("state", "Failed"))
    if phase not in PHASES or state not in STATES:
        raise ValueError(f"{phase}.{state} is no event of Keptn")
    name, namespace = str(given.get("name", "shop-1.2-abc")), str(given.get("namespace", "shop"))
    version = str(given.get("version", "1.2"))
    failed = state not in ("Finished", "Started", "StatusChanged")
    kind = "KeptnAppVersion" if phase.startswith("App") else "KeptnWorkloadVersion"
    said = given.get("message") or f"has {'failed' if failed else state.lower()}"
    body: Data = {
        "message": f"{phase}: {said} / Namespace: {namespace}, Name: {name}, Version: {version}",
        "type": str(given.get("type") or ("Warning" if failed else "Normal")),
        "version": version,
        "resource": {
            "group": "lifecycle.keptn.sh" if given.get("typed", True) else "",
            "kind": kind if given.get("typed", True) else "",
            "version": "v1" if given.get("typed", True) else "",
            "name": name,
            "namespace": namespace,
        },
    }
    headers = {
        "Ce-Specversion": "1.0",
        "Ce-Id": str(given.get("id") or uuid.uuid4()),
        "Ce-Time": now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "Ce-Source": SOURCE,
        "Ce-Type": f"{phase}.{state}",
        "Content-Type": "application/json",
    }
    return headers, body


async def send(url: str, headers: Mapping[str, str], body: Data) -> Data:
    """Post once, without a credential: Keptn knows no other way. Return what the receiver said."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
            session.post(url, data=json.dumps(body).encode(), headers=dict(headers)) as answer,
        ):
            return {"status": answer.status, "error": None if answer.status < 300 else (await answer.text())[:200]}
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return {"status": None, "error": f"{type(error).__name__}: {error}"[:200]}
