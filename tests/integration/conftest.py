# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.systemd_host import Hosts, SystemdHost, missing


@pytest.fixture(scope="session")
def systemd_hosts() -> Iterator[Hosts]:
    """The bridge of this test run, to start systemd hosts on. Skips where none can run."""
    if reason := missing():
        pytest.skip(reason)
    with Hosts() as hosts:
        yield hosts


@pytest.fixture(scope="session")
def systemd_host(systemd_hosts: Hosts) -> Iterator[SystemdHost]:
    """One running systemd host for all tests. Each test file brings units of its own, with names of its own."""
    with systemd_hosts.start() as host:
        yield host
