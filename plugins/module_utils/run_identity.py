# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names a process with all that it forks, and tells whether any of them still lives.

The proof of life is a Unix socket in the kernel's abstract namespace. Forked workers inherit it, programs that are
executed do not, and the kernel takes it back when the last one ended, however it ended. So a playbook run whose main
process was killed counts as alive for as long as one of its workers still does something to a host.

Where there is no such namespace (other systems than Linux) nothing can be told, and leases alone decide.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

ALIVE, LOST, UNKNOWN = "alive", "lost", "unknown"

#: The name, once it is taken. The descriptor of its proof stays open as long as the process.
_held: str | None = None
_proof: int | None = None
_forks_count = True


def hold() -> str:
    """Return the name of this process and its forks. The first call takes the proof of life.

    A name is C(host:pid:machine:boot:network:token).
    """
    global _held, _proof
    if _held is None:
        token = secrets.token_hex(8)
        proof = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            proof.bind(_address(token))
        except OSError:
            proof.close()
            return f"{socket.gethostname()}:{os.getpid()}"
        name = ":".join([socket.gethostname().replace(":", "-"), str(os.getpid()), _machine(), *_here(), token])
        _held, _proof = name, proof.detach()
    return _held


def disown_forks() -> None:
    """Let forks no longer count as this process, because they are about to become other programs.

    ansible-rulebook forks to start a playbook. When it is killed in the moment before the fork has become one, the fork
    fails, goes on as a copy of ansible-rulebook and may never end.
    """
    global _forks_count
    if _forks_count and hasattr(os, "register_at_fork"):
        _forks_count = False
        os.register_at_fork(after_in_child=_let_go)


def _let_go() -> None:
    global _held, _proof
    if _proof is not None:
        os.close(_proof)
    _held = _proof = None


def held() -> str | None:
    """Return the name that this process, or the one it was forked from, took. None when none did."""
    return _held


#: Tells of a worker's name whether it is alive, lost or unknown.
StateOf = Callable[[str], str]


def state_of(worker: str) -> str:
    """Return C(alive), C(lost), or C(unknown) when the worker ran where it cannot be looked for from here."""
    parts = worker.split(":")
    if len(parts) != 6:
        return UNKNOWN
    _host, _pid, machine, boot, network, token = parts
    here_boot, here_network = _here()
    if boot != here_boot:
        # The same machine after a restart: nothing of before it lives.
        return LOST if machine == _machine() != "" else UNKNOWN
    if network != here_network or not here_boot:
        return UNKNOWN
    return LOST if _is_free(token) else ALIVE


def is_lost(worker: str) -> bool:
    """Whether nothing lives any more of a worker that ran on this machine."""
    return state_of(worker) == LOST


def short(worker: str) -> str:
    """Return the part of a name that people want to read: host and process."""
    return ":".join(worker.split(":")[:2])


def _is_free(token: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(_address(token))
        except OSError:
            # Taken, or whatever else is wrong: no proof that nobody lives.
            return False
        return True


def _address(token: str) -> str:
    return f"\0self-healing:{token}"


@cache
def _machine() -> str:
    """Return what stays the same when this machine is restarted, empty where nothing does."""
    identity = _read("/etc/machine-id")
    return _digest(f"{identity}\0{socket.gethostname()}") if identity else ""


@cache
def _here() -> tuple[str, str]:
    """Return this boot of the kernel and this network namespace, in which abstract addresses are unique."""
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        network = os.readlink("/proc/self/ns/net")
    except OSError:
        network = ""
    return (_digest(boot) if boot and network else ""), _digest(network)


def _read(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
