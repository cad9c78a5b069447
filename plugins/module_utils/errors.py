# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error tree of the collection.

Every error carries one sentence for a person at 3 a.m. and a small mapping of details for the result of a module.
Neither may hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SelfHealingError(Exception):
    """Base of all errors that the collection raises on purpose."""

    #: Short stable name of the error, found as C(error.kind) in a failed result.
    kind = "error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = {name: value for name, value in details.items() if value is not None}

    def to_result(self) -> dict[str, Any]:
        """Return the keys of a failed module result."""
        return {"msg": self.message, "error": {"kind": self.kind, **self.details}}


class ConfigurationError(SelfHealingError):
    """An option is missing or wrong. The message names the option and the mend."""

    kind = "configuration"


class InvalidInputError(SelfHealingError):
    """Data from outside cannot be understood. The message names the field and what was expected."""

    kind = "invalid_input"


class JournalError(SelfHealingError):
    """The journal cannot be read or written."""

    kind = "journal"


class UnknownIncidentError(JournalError):
    """The journal works, and has no such incident: it never had it, or it was pruned."""


class UnreachableError(SelfHealingError):
    """No connection was made, so nothing was executed on the other side."""

    kind = "unreachable"


class UnclearOutcomeError(SelfHealingError):
    """A write was sent and no usable answer came back: it may or may not have happened. Look before repeating."""

    kind = "unclear_outcome"


class AnswerError(SelfHealingError):
    """The other side answered, and the answer cannot be used (not JSON, too large, wrong shape)."""

    kind = "answer"


class ApiError(SelfHealingError):
    """The other side refused. C(status) is the HTTP status, C(code) the vendor's word for it if there is one."""

    kind = "refused"

    def __init__(self, message: str, *, status: int, code: str | None = None, **details: Any) -> None:
        super().__init__(message, status=status, code=code, **details)
        self.status = status
        self.code = code


class AuthenticationError(ApiError):
    """The credentials were not accepted, or lack a permission."""

    kind = "authentication"


class NotFoundError(ApiError):
    """The addressed thing does not exist, or may not be seen with these credentials."""

    kind = "not_found"


class ConflictError(ApiError):
    """The thing was changed by somebody else, or exists already."""

    kind = "conflict"


class RateLimitedError(ApiError):
    """The other side asks for fewer requests. Nothing was executed."""

    kind = "rate_limited"
