# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An emulated Slack workspace with one installed app: the Web API, exact on the wire."""

from __future__ import annotations

from .tool import Slack

__all__ = ["Slack"]
