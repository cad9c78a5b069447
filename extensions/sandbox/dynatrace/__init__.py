# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox's Dynatrace: environment API v2, problem notifications, and watches that probe real services.

Facts about the wire are the vendor's documentation of the environment API v2 and of the problem notification webhook.
"""

from __future__ import annotations

from .tool import Dynatrace

__all__ = ["Dynatrace"]
