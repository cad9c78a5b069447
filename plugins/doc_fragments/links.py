# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every filter needs that makes signed links."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  secrets:
    description:
      - Secrets of at least 43 characters. The first one signs, and links that any of them has signed are good, so that
        a secret can be changed.
      - If not set, the environment variable E(SELF_HEALING_LINK_SECRETS) is used, with blanks or commas between them.
      - The event source needs the same ones and cannot read a vault.
    type: list
    elements: str
  url:
    description:
      - Where phones reach the path C(/answer) of the event source, like C(https://eda.example.com/answer). It must be
        HTTPS except on this machine.
      - If not set, the environment variable E(SELF_HEALING_ANSWER_URL) is used.
    type: str
"""
