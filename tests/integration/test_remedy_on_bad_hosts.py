# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which a remedy cannot do anything: the incident is escalated with a reason, and no run hangs."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.playbook import LOCAL
from support.remedy_runs import HOST, Healed

ROLE = "self_healing.devops.process_restart"
#: What sudo prints without a terminal to ask on.
SUDO = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n"


# A tool without settings is down too, which stops nobody; and without any tool nobody is left in the play.
@pytest.mark.parametrize("tools", [{"jira": LOCAL}, {}], ids=["with a tool", "without a tool"])
def test_a_host_that_never_answers_is_given_up_and_the_incident_escalated(
    tmp_path: Path, tools: dict[str, Mapping[str, Any]]
) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("hosts that do not answer need ssh")
    # Takes the connection and says nothing: worse than one that refuses it.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = {
            "self_healing_entities": HOST["self_healing_entities"],
            "ansible_host": "127.0.0.1",
            "ansible_port": silent.getsockname()[1],
            "ansible_ssh_common_args": "-F none",
            "ansible_ssh_timeout": 2,
            "process_restart_service": "shop.service",
        }
        began = time.monotonic()
        healed = Healed(tmp_path, ROLE, host=host, tools=tools)
    assert time.monotonic() - began < 120
    assert healed.run.returncode != 0
    assert [done.outcome for done in healed.run.of("shop-01")][-1] == "unreachable", healed.run.output
    assert healed.incident.state == "escalated"
    assert "could not be reached" in healed.said("escalated") + healed.said("fix_failed")
    assert "fix_started" not in healed.kinds()
    assert healed.kinds()[-1] == "released"


def test_a_host_that_grants_no_rights_is_told(tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    host = {
        **HOST,
        "ansible_become_exe": str(sudo),
        "process_restart_service": "shop.service",
        "process_restart_become_user": "nobody",
    }
    healed = Healed(tmp_path, ROLE, host=host)
    assert healed.run.returncode != 0
    assert healed.incident.state == "escalated"
    reason = healed.said("fix_failed")
    assert "shop.service on shop-01 cannot be looked at: " in reason
    assert "password" in reason
    assert "fix_started" not in healed.kinds()
