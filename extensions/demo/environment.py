# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that the programs of a demonstration run in: this run's settings and nobody's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .credentials import Credentials
from .layout import COLLECTION, Layout

#: Settings of the collection, of Ansible and of the Java bridge that a person may have for real work.
PERSONAL = ("ANSIBLE_", "DYNATRACE_", "EDA_", "JIRA_", "JPY_", "KEPTN_", "SELF_HEALING_", "SLACK_", "XMATTERS_")
PERSONAL_NAMES = frozenset({"JDK_HOME", "JRE_HOME", "JAVA_JRE", "JAVA_TOOL_OPTIONS", "PYTHONHOME", "PYTHONSTARTUP"})
#: The settings that say where the tools are: the tool, and the path below its address.
SETTINGS = {
    "DYNATRACE_URL": ("dynatrace", ""),
    "XMATTERS_URL": ("xmatters", ""),
    "XMATTERS_FORM_URL": ("xmatters_form", ""),
    "JIRA_URL": ("jira", ""),
    "SLACK_URL": ("slack", "/api/"),
    "KEPTN_URL": ("keptn", ""),
}
#: A run of half a minute ends before the thorough compiler of Java pays off, and no file is left in /tmp.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"


def environment_for(
    layout: Layout,
    credentials: Credentials,
    java_home: Path,
    addresses: Mapping[str, str],
    listener: str,
    given: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment of every program that the demonstration starts.

    C(addresses) are those of the emulated tools as far as they are known, C(listener) is that of the event sources;
    C(given) is our own environment.
    """
    kept = {
        name: value for name, value in given.items() if name not in PERSONAL_NAMES and not name.startswith(PERSONAL)
    }
    tools = {name: addresses[tool] + path for name, (tool, path) in SETTINGS.items()} if addresses else {}
    paths = [str(Path(sys.executable).parent), str(java_home / "bin"), given.get("PATH", os.defpath)]
    return {
        **kept,
        **_utf8(kept),
        **credentials.environment(),
        **tools,
        "SELF_HEALING_JOURNAL": str(layout.journal),
        "SELF_HEALING_ANSWER_URL": f"{listener}/answer",
        # Whoever interrupts a demonstration does not want to wait for its playbooks.
        "SELF_HEALING_STOP_PATIENCE": "5",
        "JAVA_HOME": str(java_home),
        "JAVA_TOOL_OPTIONS": JAVA_OPTIONS,
        "PATH": os.pathsep.join(path for path in paths if path),
        "PYTHONPATH": os.pathsep.join([str(layout.collections), str(COLLECTION / "extensions")]),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(layout.home),
        "TMPDIR": str(layout.temporary),
        "ANSIBLE_COLLECTIONS_PATH": str(layout.collections),
        "ANSIBLE_CONFIG": str(layout.root / "ansible.cfg"),
        "ANSIBLE_HOME": str(layout.home / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(layout.temporary),
        "ANSIBLE_REMOTE_TEMP": str(layout.temporary),
        "ANSIBLE_NOCOLOR": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _utf8(given: Mapping[str, str]) -> dict[str, str]:
    """Ansible insists on a locale that speaks UTF-8."""
    effective = given.get("LC_ALL") or given.get("LC_CTYPE") or given.get("LANG") or ""
    return {} if "utf" in effective.lower() else {"LC_ALL": "C.UTF-8"}
