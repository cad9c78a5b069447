# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of one run: made up, given to programs through the environment only, and looked for in what is left."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

XMATTERS_USER = "x-api-key-demo"
JIRA_USER = "self-healing@example.com"


def _fresh(prefix: str = "") -> str:
    return prefix + secrets.token_hex(20)


@dataclass(frozen=True)
class Credentials:
    """What the emulated tools accept and what they send with their webhooks."""

    dynatrace_token: str = field(default_factory=lambda: _fresh("dt0c01.DEMO."), repr=False)
    xmatters_password: str = field(default_factory=_fresh, repr=False)
    jira_token: str = field(default_factory=_fresh, repr=False)
    slack_token: str = field(default_factory=lambda: _fresh("xoxb-"), repr=False)
    slack_app_token: str = field(default_factory=lambda: _fresh("xapp-"), repr=False)
    dynatrace_webhook_token: str = field(default_factory=_fresh, repr=False)
    xmatters_webhook_token: str = field(default_factory=_fresh, repr=False)
    keptn_token: str = field(default_factory=_fresh, repr=False)
    keptn_webhook_token: str = field(default_factory=_fresh, repr=False)
    jira_webhook_secret: str = field(default_factory=_fresh, repr=False)
    link_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that hold them."""
        return {
            "DYNATRACE_TOKEN": self.dynatrace_token,
            "XMATTERS_USER": XMATTERS_USER,
            "XMATTERS_PASSWORD": self.xmatters_password,
            "JIRA_USER": JIRA_USER,
            "JIRA_TOKEN": self.jira_token,
            "SLACK_TOKEN": self.slack_token,
            "SLACK_APP_TOKEN": self.slack_app_token,
            "DYNATRACE_WEBHOOK_TOKEN": self.dynatrace_webhook_token,
            "XMATTERS_WEBHOOK_TOKEN": self.xmatters_webhook_token,
            "KEPTN_TOKEN": self.keptn_token,
            "KEPTN_WEBHOOK_TOKEN": self.keptn_webhook_token,
            "JIRA_WEBHOOK_SECRET": self.jira_webhook_secret,
            "SELF_HEALING_LINK_SECRETS": self.link_secret,
        }

    def traces(self) -> dict[str, bytes]:
        """Return the bytes by which each secret is recognised, by the secret's name."""
        found = {name: value.encode() for name, value in self.environment().items() if not name.endswith("_USER")}
        for name, user in (("XMATTERS_PASSWORD", XMATTERS_USER), ("JIRA_TOKEN", JIRA_USER)):
            # HTTP Basic hides the secret from a plain search. The tail of the encoding depends on what follows.
            pair = base64.b64encode(f"{user}:{self.environment()[name]}".encode())
            found[f"{name} (HTTP Basic)"] = pair[: len(pair) // 4 * 4 - 4]
        return found

    def named_in(self, data: bytes) -> list[str]:
        """Return the names of the secrets that occur in C(data)."""
        return [name for name, trace in self.traces().items() if trace in data]

    def leaks(self, folder: Path) -> Iterable[tuple[Path, str]]:
        """Return each file below C(folder) that holds a secret, with the secret's name. Links are not followed."""
        for parent, _folders, files in os.walk(folder):
            for path in (Path(parent) / name for name in files):
                if path.is_symlink() or not path.is_file():
                    continue
                yield from ((path, name) for name in self.named_in(path.read_bytes()))
