# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that talks to xMatters, and the client that they describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .clients.xmatters import XMattersClient
from .http import Transport
from .module import CONNECTION_OPTIONS, Options, from_environment, transport_for

#: Documented in the fragment C(xmatters).
XMATTERS_OPTIONS: Options = {
    **CONNECTION_OPTIONS,
    "xmatters_url": from_environment("xmatters_url", required=True),
    "xmatters_user": from_environment("xmatters_user"),
    "xmatters_password": from_environment("xmatters_password", no_log=True),
    "xmatters_client_id": from_environment("xmatters_client_id"),
    "xmatters_refresh_token": from_environment("xmatters_refresh_token", no_log=True),
}
#: Options of which one is required, see C(ModuleSpec).
XMATTERS_LOGIN = (("xmatters_user", "xmatters_refresh_token"), ("xmatters_password", "xmatters_refresh_token"))
#: How an alert is found by what identifies it. Documented in the modules.
MARKER_OPTIONS: Options = {
    "marker_property": {"type": "str", "default": "incident_id"},
    "marker_language": {"type": "str", "default": "en"},
}


def client_of(params: Mapping[str, Any], transport: Transport | None) -> XMattersClient:
    """Return the client. Raises ConfigurationError that names the option which is missing or wrong."""
    return XMattersClient(
        params["xmatters_url"],
        transport or transport_for(params),
        user=params["xmatters_user"],
        password=params["xmatters_password"],
        client_id=params["xmatters_client_id"],
        refresh_token=params["xmatters_refresh_token"],
        form_url=params.get("xmatters_form_url"),
        timeout=params["timeout"],
    )
