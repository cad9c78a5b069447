# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that all modules of the collection have."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  action_group:
    description: Use C(group/self_healing.devops.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - self_healing.devops.all
"""

    # Added to the above by modules that change nothing.
    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    description: Returns details on what has changed (or would change in C(check_mode)) in diff mode.
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
    details:
      - This module does not modify state.
  action_group:
    description: Use C(group/self_healing.devops.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - self_healing.devops.all
"""
