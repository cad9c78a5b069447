# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to Jira."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  jira_url:
    description:
      - Address of the Jira site, for example V(https://company.atlassian.net), with the context path if there is one.
      - If not set, the environment variable E(JIRA_URL) is used.
    type: str
    required: true
  jira_user:
    description:
      - E-mail address (Jira Cloud) or name (Data Center) of the account that O(jira_token) belongs to.
      - Without it O(jira_token) is sent as a bearer token, which is the way of personal access tokens on Data Center.
      - If not set, the environment variable E(JIRA_USER) is used.
    type: str
  jira_token:
    description:
      - API token (Jira Cloud), personal access token or password (Data Center).
      - If not set, the environment variable E(JIRA_TOKEN) is used.
    type: str
    required: true
"""
