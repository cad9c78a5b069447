# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Keptn: events, sequences, its API, the services around it, and the webhooks and CloudEvents it sends."""

from __future__ import annotations

from .tool import PROJECT, SERVICE, STAGE, Keptn

__all__ = ["PROJECT", "SERVICE", "STAGE", "Keptn"]
