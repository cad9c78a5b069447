# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from outside, read strictly, under the name that event sources know."""

from __future__ import annotations

from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json

__all__ = ["parse_json"]
