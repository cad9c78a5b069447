# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done on the host of a router: connections that are tried, files that are replaced, programs that are run."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import ConfigurationError, SelfHealingError
from .traffic import one_line

#: How much of what a program says is kept (characters), and how long it may take (seconds).
SAID_LIMIT = 500
COMMAND_SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """A program that ended. C(said) is the end of what it printed, as one line that can be shown."""

    status: int
    said: str


def accepts(address: str, port: int, seconds: float) -> bool:
    """Whether something accepts connections there. What has no address to try is taken to do so."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return True
    if not 0 < port < 65536:
        return True
    try:
        socket.create_connection((address, port), timeout=seconds).close()
    except OSError:
        return False
    return True


def text_of(path: str) -> str:
    """Return the text of a file, empty where there is none. Raises ConfigurationError where it may not be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}; become a user that may") from None


def replace_file(path: str, text: str) -> None:
    """Write a file so that a reader finds the old text or the new one, with the owner and the rights that it has.

    Raises ConfigurationError that says why it cannot be written.
    """
    # The file itself and not a link to it, which would be replaced.
    target = os.path.realpath(path)
    try:
        known = os.stat(target) if os.path.exists(target) else None
        descriptor, fresh = tempfile.mkstemp(dir=os.path.dirname(target), prefix=f".{os.path.basename(target)}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                os.fchmod(file.fileno(), known.st_mode & 0o7777 if known else 0o644)
                if known and (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), known.st_uid, known.st_gid)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, target)
        except BaseException:
            os.unlink(fresh)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}; correct the path, or become a user that may"
        ) from None


def run_program(argv: Sequence[str]) -> Ended:
    """Run a program without a shell. Raises SelfHealingError where it cannot be started, or does not end."""
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SelfHealingError(f"{argv[0]} did not end within {COMMAND_SECONDS:.0f} s") from None
    except OSError as error:
        raise ConfigurationError(f"{argv[0]} cannot be run: {error.strerror}") from None
    said = done.stdout.decode("utf-8", errors="replace")
    return Ended(done.returncode, one_line(said[-4 * SAID_LIMIT :])[-SAID_LIMIT:])
