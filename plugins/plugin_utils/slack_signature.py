# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a request comes from Slack: its signature over the raw body and the time, each taken once.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Secrets, check_secrets, each_secret

#: A request that is older, or whose clock is ahead of ours by more, is refused (seconds).
FRESH = 300
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


@dataclass(frozen=True)
class SlackSignature:
    """The door of the path that Slack posts to. C(secret) is the signing secret; a list while it is being changed.

    A signature that was admitted is refused from then on: Slack signs each request anew, also when it repeats one.
    """

    secret: Secrets = field(repr=False)
    names: str = "slack_signing_secret"
    closed: bool = True
    clock: Callable[[], float] = time.time
    _admitted: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_secrets(self.names, self.secret)

    def admit(self, headers: Mapping[str, str], /) -> bool:
        """Return whether the request states a fresh time and something that looks like a signature."""
        timestamp = headers.get("X-Slack-Request-Timestamp", "")
        if not timestamp.isascii() or not _TIMESTAMP.fullmatch(timestamp):
            return False
        fresh = abs(self.clock() - int(timestamp)) <= FRESH
        return fresh and _SIGNATURE.fullmatch(headers.get("X-Slack-Signature", "")) is not None

    def admit_body(self, headers: Mapping[str, str], body: bytes, /) -> bool:
        """Return whether the signature fits the body as it was sent, and was not used before."""
        if not self.admit(headers):
            return False
        timestamp, signature = headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
        signed = b"v0:" + timestamp.encode() + b":" + body
        fits = False
        for secret in each_secret(self.secret):
            wanted = "v0=" + hmac.new(secret.encode(), signed, sha256).hexdigest()
            fits |= hmac.compare_digest(wanted, signature)
        return fits and self._is_first(signature, int(timestamp))

    def _is_first(self, signature: str, timestamp: int) -> bool:
        """Note a valid signature for as long as its time would be fresh."""
        now = self.clock()
        for old in [old for old, until in self._admitted.items() if until < now]:
            del self._admitted[old]
        if signature in self._admitted:
            return False
        self._admitted[signature] = timestamp + FRESH + 1
        return True
