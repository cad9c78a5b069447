# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Jira's refusals say. Every part of Jira has its own shape for them, and so have the gateways in front of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ApiError
from ..http import Response

#: Code of the errors that really are about credentials, whatever the status says.
CREDENTIALS = "credentials"


def explain(response: Response) -> tuple[str, str | None]:
    """Return Jira's words for an error, and its code: C(credentials), or the names of the wrong fields.

    The words are in the language of the account; only the code may be compared.
    """
    said = response.json_or_none()
    errors: dict[str, Any] = {}
    texts: list[str] = []
    if isinstance(said, dict):
        errors = said["errors"] if isinstance(said.get("errors"), dict) else {}
        messages = said.get("errorMessages")
        texts = [str(text) for text in messages] if isinstance(messages, list) else []
        texts += [f"{name}: {text}" for name, text in errors.items()]
        texts += [str(said[name]) for name in ("errorMessage", "message", "detail") if said.get(name) and not texts]
    elif "html" not in response.headers.get("content-type", ""):
        texts = [response.text[:200]]
    reason = response.headers.get("x-authentication-denied-reason")
    if reason:
        texts.append(f"log in with a browser once ({reason.partition(';')[0]})")
    refused = response.headers.get("x-seraph-loginreason", "").startswith("AUTHENTICATED_FAILED")
    code = CREDENTIALS if refused or reason else ",".join(sorted(errors)) or None
    return "; ".join(texts), code


def wrong_fields(error: ApiError) -> Iterable[str]:
    """Return the names of the fields that Jira did not like."""
    return (error.code or "").split(",") if error.status == 400 else ()
