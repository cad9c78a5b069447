# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an event source that calls a tool finds the tool's settings, and how it connects to it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport


def settings_of(tool: Mapping[str, Any] | None, **given: Any) -> dict[str, Any]:
    """Return each setting from the source's argument, else the environment, else the tool's host in the inventory."""
    return {name: value or os.environ.get(name.upper()) or (tool or {}).get(name) for name, value in given.items()}


def is_plain(value: Any) -> bool:
    """Whether a setting can be used here: text that is neither empty, a template nor encrypted."""
    return isinstance(value, str) and bool(value.strip()) and "{{" not in value and "{%" not in value


def missing_setting(source: str, name: str) -> ConfigurationError:
    """Return the error for a setting that an event source needs and L(settings_of) finds nowhere it can be read."""
    return ConfigurationError(
        f"source {source}: {name} is missing: give it as argument, as environment variable {name.upper()}, "
        "or as a plain host variable of the tool in the inventory"
    )


@dataclass(frozen=True)
class Connection:
    """How to connect. C(timeout) is seconds to wait for one answer."""

    validate_certs: bool = True
    ca_path: str | None = None
    timeout: float = 10.0

    def transport(self) -> RequestsTransport:
        """Return a new session: one must not be shared between threads."""
        return RequestsTransport(validate_certs=self.validate_certs, ca_path=self.ca_path)


def connection_from(args: Mapping[str, Any], source: str) -> Connection:
    """Return the connection that the arguments of an event source describe. Raises ConfigurationError."""
    validate = str(args.get("validate_certs", True)).strip().lower() not in ("false", "no", "0", "off")
    timeout = seconds(args.get("timeout", 10), f"source {source}: timeout")
    if timeout == 0:
        raise ConfigurationError(f"source {source}: timeout must be more than 0 seconds")
    return Connection(validate, args.get("ca_path") or None, timeout)


def seconds(value: Any, what: str) -> float:
    """Return a span of seconds that is 0 or more. Raises ConfigurationError that begins with C(what)."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number <= _LONGEST:
        raise ConfigurationError(f"{what} must be a number of seconds")
    return number


#: Ten years; more is a mistake, and no calendar has to cope with it.
_LONGEST = 315_360_000.0
