# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to Keptn."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  keptn_url:
    description:
      - Address of Keptn 1.x or of its API, for example V(https://keptn.example.com/api).
      - If not set, the environment variable E(KEPTN_URL) is used.
    type: str
    required: true
  keptn_token:
    description:
      - API token of Keptn, sent as the header C(x-token).
      - One that begins with C(Bearer ) is sent as the header C(Authorization), for a gateway with OAuth before Keptn.
      - If not set, the environment variable E(KEPTN_TOKEN) is used.
    type: str
    required: true
"""
