# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules of xMatters against the emulated one."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from sandbox.xmatters import XMatters

from .one_tool import OneTool
from .tree import plugin


def run_module(tool: OneTool[XMatters], module: str, transport: Any = None, **given: Any) -> dict[str, Any]:
    """Run one module with these arguments and return its result. None takes an argument away."""
    spec = plugin("modules", module).SPEC
    connection = {
        "xmatters_url": tool.url,
        "xmatters_user": tool.settings.xmatters_user,
        "xmatters_password": tool.settings.xmatters_password,
    }
    if "xmatters_form_url" in spec.options:
        connection["xmatters_form_url"] = tool.tool.form_url
    arguments = {name: value for name, value in {**connection, **given}.items() if value is not None}
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(arguments)
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = plugin("modules", module).run(
        checked.validated_parameters, False, transport or RequestsTransport()
    )
    return result
