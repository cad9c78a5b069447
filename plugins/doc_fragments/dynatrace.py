# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to Dynatrace."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  dynatrace_url:
    description:
      - Address of the Dynatrace environment, for example V(https://abc12345.live.dynatrace.com), or
        V(https://dynatrace.example.com/e/00000000-0000-4000-8000-000000000001) for Dynatrace Managed.
      - If not set, the environment variable E(DYNATRACE_URL) is used.
    type: str
    required: true
  dynatrace_token:
    description:
      - Access token of the environment (C(dt0c01.…)), or a token of the platform where O(dynatrace_url) ends in
        C(/platform/classic/environment-api). The notes say which scopes it needs.
      - If not set, the environment variable E(DYNATRACE_TOKEN) is used.
    type: str
    required: true
"""
