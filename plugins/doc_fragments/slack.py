# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to Slack."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  slack_url:
    description:
      - Address of the Web API, with a slash at the end.
      - Workspaces of the US government have V(https://slack-gov.com/api/).
      - If not set, the environment variable E(SLACK_URL) is used.
    type: str
    default: https://slack.com/api/
  slack_token:
    description:
      - Bot token of the app (C(xoxb-…)) that is installed in the workspace.
      - If not set, the environment variable E(SLACK_TOKEN) is used.
    type: str
    required: true
  private:
    description:
      - Whether the channel is a private one. Private channels need the scopes C(groups:*) besides C(channels:*).
      - A channel keeps the kind it was created with.
    type: bool
    default: false
"""
