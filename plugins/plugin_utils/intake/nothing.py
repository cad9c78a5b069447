# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a translator says of a report that it understands, and that is about nothing."""

from __future__ import annotations

from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError


class NothingToRecordError(SelfHealingError):
    """The report was understood, and there is no incident in it. C(reason) is a word for the sender and for logs."""

    kind = "nothing_to_record"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason
