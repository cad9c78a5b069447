# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that talks to a service."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  validate_certs:
    description:
      - Whether the TLS certificate of the service must be valid.
      - Switch it off only on a test system of your own.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates of the authorities to trust, in PEM format.
      - Default is the bundle that the Python package C(requests) uses.
    type: path
  timeout:
    description:
      - How long to wait for the service's answer to one call, in seconds.
    type: int
    default: 30
requirements:
  - requests
"""
