# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all modules share that send the traffic of a service to one of its colours, whatever the router is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .errors import ConfigurationError, ConflictError, UnreachableError

#: What a colour may be called. It becomes an argument of commands, and part of sentences.
COLOUR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

Colours = Mapping[str, Sequence[str]]


def colours_of(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the servers of each colour. Raises ConfigurationError that names the option and the mend."""
    if len(given) < 2:
        raise ConfigurationError("colours must name at least two colours, each with the list of its servers")
    found: dict[str, list[str]] = {}
    for colour, servers in given.items():
        if not COLOUR.fullmatch(str(colour)):
            raise ConfigurationError(
                f"colours: {str(colour)[:40]!r} is no name of a colour, expected letters and digits"
            )
        if not isinstance(servers, (list, tuple)) or not servers or not all(isinstance(one, str) for one in servers):
            raise ConfigurationError(f"colours.{colour} must be the list of its servers, with at least one")
        found[str(colour)] = list(servers)
    everybody = [server for servers in found.values() for server in servers]
    twice = next((server for server in everybody if everybody.count(server) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"colours: the server {twice[:80]} is listed twice, expected each in one colour")
    return found


def require_known(option: str, colour: str | None, colours: Colours) -> None:
    """Raise ConfigurationError where C(colour) is given and none of the colours."""
    if colour is not None and colour not in colours:
        raise ConfigurationError(f"{option} is {colour[:40]!r}, expected one of {', '.join(colours)}")


def live_colours(ready: Mapping[str, Sequence[bool]]) -> list[str]:
    """Return the colours that get traffic. C(ready) are their servers that take any: whether each is a backup.

    Those that are for emergencies only get some where nobody else is there.
    """
    first = [colour for colour, backups in ready.items() if not all(backups)]
    return first or [colour for colour, backups in ready.items() if backups]


def require_some(active: str, left_out: Sequence[str], colours: Colours) -> None:
    """Raise UnreachableError where all servers of C(active) are among those that do not accept connections."""
    if len(left_out) == len(colours[active]):
        raise UnreachableError(
            f"no server of {active} accepts connections ({', '.join(left_out)}): nothing was switched. "
            f"Start {active} first"
        )


def require_unchanged(live: Iterable[str], active: str, instead_of: str | None) -> None:
    """Raise ConflictError where traffic is neither where it was expected nor, in whole or in part, where it shall be.

    Both at once is a switch that broke off: it may go on.
    """
    found = list(live)
    if instead_of is None or (found and set(found) <= {active, instead_of}):
        return
    where = " and ".join(found) or "no colour at all"
    raise ConflictError(
        f"{where} gets the traffic, expected {instead_of}: somebody switched meanwhile, and nothing was changed. "
        "Look again before you switch",
        status=409,
    )


def one_line(text: str) -> str:
    """Return what a program said as one line that can be shown."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
