# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the hosts that the molecule scenarios share: C(python -m support.molecule_hosts up|down FOLDER).

C(up) reads the hosts as JSON on standard input, C({"target-01": {"/srv/data": {"mib": 64}}}), each with its small
disks, and leaves a process behind that keeps them. When it returns, C(FOLDER/inventory/connection.yml) says how to
reach them. It does nothing when they run already. C(down) ends that process. It ends by itself with the process that is
named in C(MOLECULE_HOSTS_OWNER), so that a test run that was killed leaves nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from support.host_remains import HostError, owner
from support.systemd_host import Disk, Hosts, missing

#: How long all hosts may take to come up or to go, in seconds.
PATIENCE = 120.0
#: In the folder of inventories that molecule hands to ansible-playbook.
CONNECTION = "inventory/connection.yml"

Declared = Mapping[str, Mapping[str, Mapping[str, int]]]


def keeper(folder: Path) -> int | None:
    """Return the pid of the process that keeps the hosts, or None when there is none."""
    try:
        known = (folder / "keeper").read_text()
    except FileNotFoundError:
        return None
    pid = int(known.split()[0])
    return pid if owner(pid) == known else None


def up(folder: Path, declared: Declared) -> str:
    """Start the hosts and return what was done. Raises HostError."""
    if keeper(folder):
        return "The hosts run already."
    if reason := missing():
        raise HostError(reason)
    for name in ("keeper", CONNECTION):
        (folder / name).unlink(missing_ok=True)
    command = [sys.executable, "-m", "support.molecule_hosts", "keep", str(folder), json.dumps(declared)]
    log = folder / "keeper.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + PATIENCE
    while not (folder / CONNECTION).exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise HostError(f"The hosts did not come up:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)
    return f"Started {', '.join(declared)}."


def down(folder: Path) -> str:
    """Stop the hosts and return what was done. Raises HostError."""
    pid = keeper(folder)
    if pid is None:
        return "No hosts run."
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while keeper(folder):
        if time.monotonic() > deadline:
            raise HostError(f"Process {pid}, which keeps the hosts, does not end.")
        time.sleep(0.05)
    return "Stopped the hosts."


def keep(folder: Path, declared: Declared) -> None:
    """Start the hosts, write their inventory, and wait until they are no longer wanted."""
    lives = os.environ.get("MOLECULE_HOSTS_OWNER")
    known = owner(int(lives)) if lives else None
    (folder / "keeper").write_text(owner(os.getpid()))
    with ExitStack() as stack:
        stack.callback((folder / "keeper").unlink, missing_ok=True)
        hosts = stack.enter_context(Hosts())
        inventory: dict[str, Any] = {}
        for name, disks in declared.items():
            host = stack.enter_context(hosts.start({path: Disk(**disk) for path, disk in disks.items()}))
            inventory[name] = host.variables
        stack.callback((folder / CONNECTION).unlink, missing_ok=True)
        # Blocked once all run, because programs that are started inherit it. Who is ended earlier is swept up later.
        signals = {signal.SIGTERM, signal.SIGINT}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        # JSON is YAML.
        (folder / "connection.new").write_text(json.dumps({"all": {"hosts": inventory}}, indent=2))
        (folder / CONNECTION).parent.mkdir(exist_ok=True)
        (folder / "connection.new").rename(folder / CONNECTION)
        while signal.sigtimedwait(signals, 1.0) is None and (not lives or owner(int(lives)) == known):
            pass


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="support.molecule_hosts")
    parser.add_argument("verb", choices=["up", "down", "keep"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("declared", nargs="?", type=json.loads)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.verb == "keep":
            keep(chosen.folder, chosen.declared)
        else:
            told = up(chosen.folder, json.load(sys.stdin)) if chosen.verb == "up" else down(chosen.folder)
            sys.stdout.write(f"{told}\n")
    except HostError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
