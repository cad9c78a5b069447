# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A door for webhooks that are signed with C(X-Hub-Signature), as those of Jira are. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import (
    Doors,
    Secrets,
    check_secrets,
    each_secret,
)

HEADER = "X-Hub-Signature"


@dataclass(frozen=True)
class HubSignature:
    """Lets in what is signed with one of the secrets, and whoever the other doors let in.

    C(doors) are those for a password or a token: each way that is configured opens on its own.
    """

    secret: Secrets = field(repr=False)
    doors: Doors

    def __post_init__(self) -> None:
        check_secrets(f"{self.names}_secret", self.secret)

    @property
    def names(self) -> str:
        return self.doors.names

    @property
    def closed(self) -> bool:
        return self.secret is not None or self.doors.closed

    def admit(self, headers: Mapping[str, str], /) -> bool:
        if self.doors.closed and self.doors.admit(headers):
            return True
        # Whether it is the right signature shows when the body is there.
        return not self.closed or (self.secret is not None and HEADER in headers)

    def admit_body(self, headers: Mapping[str, str], body: bytes, /) -> bool:
        if not self.closed or (self.doors.closed and self.doors.admit(headers)):
            return True
        given = headers.get(HEADER, "").encode("utf-8", "surrogateescape")
        right = False
        for secret in each_secret(self.secret):
            wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            right |= hmac.compare_digest(given, f"sha256={wanted}".encode())
        return right
