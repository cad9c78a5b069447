# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module nginx_traffic in place."""

from __future__ import annotations

from ansible_collections.self_healing.devops.plugins.modules import nginx_traffic
from ansible_collections.self_healing.devops.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    module = nginx_traffic
    works_on_host = True
