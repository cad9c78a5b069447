# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of Keptn mean what of ours, and how its values are read. The only place that knows them. Pure.

Sources: keptn/spec 0.2.4, keptn/keptn 1.4, and lifecycle-operator C(eventsender.go) for the phases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import look
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.shapes import shown
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean

SOURCE = "keptn"
#: The second is the name that Keptn had for it at first.
PROBLEM_TYPES = ("sh.keptn.events.problem", "sh.keptn.event.problem.open")
#: Tasks that are taken unless others are named. C(get-action) is answered by Keptn's own remediation-service where
#: that is installed, and two answers would contradict each other.
TASKS = ("action", "rollback", "release")
REMEDIATION = "remediation"
#: The label by which dynatrace-service finds its problem.
URL_LABEL = "Problem URL"

#: Kind by the name of an action, as L(plain_action) has it. These actions are ours unless others are named.
ACTIONS: Mapping[str, str] = {
    "process-restart": "process_crash",
    "restart": "process_crash",
    "restart-process": "process_crash",
    "restart-service": "process_crash",
    "clean-up-disk": "disk_pressure",
    "cleanup-disk": "disk_pressure",
    "disk-clean-up": "disk_pressure",
    "disk-cleanup": "disk_pressure",
    "blue-green-rollback": "bad_release",
    "roll-back": "bad_release",
    "rollback": "bad_release",
    "rollback-release": "bad_release",
}

#: Phases of Keptn v2, by their long names.
PHASES = frozenset(
    {
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
        "App Completed",
        "Workload Completed",
        "Completed",
    }
)
#: When one of these ends well, the release does.
LAST_PHASES = frozenset({"App Deployment", "Workload Deployment", "App Completed", "Workload Completed", "Completed"})
FAILED_STATES = frozenset({"Failed", "ReconcileTimeout"})

#: What a project, a stage, a service or a task may be called. Keptn forbids dots in most of them.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
EVENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
#: A problem id of Dynatrace tells when the problem began (milliseconds).
DYNATRACE_PID = re.compile(r"-?[0-9]{1,20}_([0-9]{13})V[0-9]{1,2}")
_URL = re.compile(r"https?://[^\s\"'<>\\^`{|}\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)
_PID_OF_URL = re.compile(r"[;?&/#]pid=([A-Za-z0-9_.:-]{1,128})")
#: What the templates of the webhook-service write for a value that is not there.
_NO_VALUE = "<no value>"
_MOST_LABELS = 50


def plain_action(name: str) -> str:
    """Return the name of an action so that spellings can be compared."""
    return re.sub(r"[\s_-]+", "-", name.strip().casefold())


def mapping_at(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object under a name, an empty one where there is none."""
    found = look(data, name)
    return found if isinstance(found, dict) else {}


def text_at(data: Mapping[str, Any], name: str, limit: int) -> str:
    """Return the text under a name as one line, an empty one where there is none."""
    found = look(data, name)
    if not isinstance(found, str) or found.strip() == _NO_VALUE:
        return ""
    return clean(found, limit)


def name_at(data: Mapping[str, Any], name: str, where: str = "data") -> str:
    """Return the plain name under a name. Raises InvalidInputError that names the field and the mend."""
    found = look(data, name)
    if isinstance(found, str) and NAME.fullmatch(found):
        return found
    if found in (None, "", _NO_VALUE):
        raise InvalidInputError(f"{where}.{name} is missing: the event has to carry it")
    raise InvalidInputError(f"{where}.{name} is {shown(found)}, expected letters, digits, '-', '_' and '.'")


def labels_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that can be kept, each as one line of text."""
    found = mapping_at(data, "labels").items()
    texts = [(clean(name, 128), clean(value, 2000)) for name, value in found if isinstance(value, str)]
    return {name: value for name, value in texts if name and value != _NO_VALUE and "\x00" not in name}


def few_labels(data: Mapping[str, Any]) -> dict[str, str]:
    """Return no more labels than an answer has room for, and the one that others look for in any case."""
    every = labels_of(data)
    first = {name: every[name] for name in (URL_LABEL,) if name in every}
    return dict(list({**first, **every}.items())[:_MOST_LABELS])


def url_at(data: Mapping[str, Any], name: str) -> str | None:
    text = text_at(data, name, 2048)
    return text if _URL.fullmatch(text) else None


def pid_of_url(url: str) -> str | None:
    """Return the problem id in the address of a problem of Dynatrace."""
    found = _PID_OF_URL.search(url)
    return found.group(1) if found else None


def began(pid: str) -> datetime | None:
    """Return when a problem of Dynatrace began, which its id tells."""
    found = DYNATRACE_PID.fullmatch(pid)
    return datetime.fromtimestamp(int(found.group(1)) / 1000, timezone.utc) if found else None


def moment_at(attributes: Mapping[str, Any]) -> datetime | None:
    """Return when an event happened, None where it does not tell in a way that can be relied upon."""
    time = attributes.get("time")
    if isinstance(time, str):
        try:
            # Go writes more digits of a second than Python keeps.
            time = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", time.strip()))
        except ValueError:
            return None
    if not isinstance(time, datetime) or time.tzinfo is None:
        return None
    try:
        return time.astimezone(timezone.utc)
    except (OverflowError, ValueError):
        return None
