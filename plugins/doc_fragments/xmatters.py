# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to xMatters."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  xmatters_url:
    description:
      - Address of the xMatters instance, for example V(https://company.xmatters.com).
      - If not set, the environment variable E(XMATTERS_URL) is used.
    type: str
    required: true
  xmatters_user:
    description:
      - Name of a user with the role C(REST Web Service User), or an API key.
      - If not set, the environment variable E(XMATTERS_USER) is used.
    type: str
  xmatters_password:
    description:
      - Password of the user, or the secret of the API key.
      - If not set, the environment variable E(XMATTERS_PASSWORD) is used.
    type: str
  xmatters_client_id:
    description:
      - OAuth client id of the instance. With it, O(xmatters_user) and O(xmatters_password) are exchanged for a token
        instead of being sent with every call.
      - If not set, the environment variable E(XMATTERS_CLIENT_ID) is used.
    type: str
  xmatters_refresh_token:
    description:
      - A refresh token of the client O(xmatters_client_id), instead of O(xmatters_user) and O(xmatters_password). Where
        both are given it is tried first.
      - It has to be good for more than one use. Where your xMatters hands out a new one each time, give user and
        password.
      - If not set, the environment variable E(XMATTERS_REFRESH_TOKEN) is used.
    type: str
notes:
  - Give O(xmatters_user) and O(xmatters_password), or O(xmatters_client_id) and O(xmatters_refresh_token).
"""
