# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's Jira: Cloud platform REST API v2 and v3, with Data Center's differences at the turn of a switch."""

from __future__ import annotations

from .tool import Jira

__all__ = ["Jira"]
