# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated xMatters: a directory of people, alerts that escalate, its REST API and its response webhook."""

from __future__ import annotations

from .tool import XMatters

__all__ = ["XMatters"]
