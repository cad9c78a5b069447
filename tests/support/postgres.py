# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of the tests' own, on a free loopback port, with nothing of it left behind."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.scenarios.process_crash import free_port

#: Where Debian keeps the programs, which are not on the PATH.
PROGRAMS = Path("/usr/lib/postgresql")
#: The server refuses to run as root; the Debian package brings this user.
USER = "postgres"


def missing() -> str | None:
    """Return why no server can be started here, None when one can."""
    if _programs() is None:
        return "no PostgreSQL server is installed (Debian's package postgresql)"
    if os.geteuid() == 0 and not _has_user():
        return f"PostgreSQL does not run as root, and there is no user {USER}"
    return None


@dataclass(frozen=True)
class Server:
    """A running server. C(log) is its own log."""

    port: int
    log: Path

    def database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"journal_{secrets.token_hex(6)}"
        with psycopg.connect(self._url("postgres", "postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # a name of our own making
        return self._url(name)

    def _url(self, name: str, scheme: str = "postgresql+psycopg") -> str:
        return f"{scheme}://{USER}@127.0.0.1:{self.port}/{name}"


@contextmanager
def server() -> Iterator[Server]:
    """Run a server for the length of the block."""
    programs = _programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data, log, port = folder / "data", folder / "log", free_port()
        # Durability is the server's own matter; the tests are about what happens above it.
        _run(programs / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        control = programs / "pg_ctl"
        _run(control, "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
        try:
            yield Server(port, log)
        finally:
            _run(control, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _run(*command: Path | str) -> None:
    arguments = [str(part) for part in command]
    if os.geteuid() == 0:
        arguments = ["runuser", "-u", USER, "--", *arguments]
    # Its output goes to a file: the server would keep a pipe open, and we would wait for its end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            arguments, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=90, check=False
        )
        output.seek(0)
        assert done.returncode == 0, f"{command[0]}: {output.read().decode(errors='replace')[-2000:]}"


def _programs() -> Path | None:
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    versions = sorted(PROGRAMS.glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True
