# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sandbox is told before it starts: people, secrets, addresses to call and things to watch."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Person:
    """Somebody of the emulated company, known to every tool under the same e-mail address."""

    key: str
    name: str
    email: str


ANA = Person("ana", "Ana Berg", "ana@example.com")
BO = Person("bo", "Bo Lind", "bo@example.com")
#: Not there at first: somebody more for those who need a longer escalation.
CLEO = Person("cleo", "Cleo Roth", "cleo@example.com")


@dataclass(frozen=True)
class Webhook:
    """Where a tool posts what happens in it, and the headers it was configured with."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Watch:
    """A real service that the sandbox's Dynatrace probes over HTTP.

    C(entity) is the process group instance, C(host_entity) the host it runs on, C(host) that host's detected name.
    C(interval) is seconds between probes; a problem opens or closes after C(changes_after) equal results in a row. With
    C(slow_ms) answers that take longer are a problem too, and a new version in them is a deployment.
    """

    service: str
    url: str
    host: str
    entity: str = "PROCESS_GROUP_INSTANCE-5D1A000000000001"
    host_entity: str = "HOST-5D1A0000000000A1"
    interval: float = 0.25
    changes_after: int = 2
    slow_ms: float | None = None


@dataclass(frozen=True)
class DiskWatch:
    """A real folder whose file system the sandbox's Dynatrace looks at.

    C(name) is what the disk is called there, C(entity) the disk and C(host_entity) the host it is in. With C(quota) the
    folder itself is looked at, as if it were a file system of so many bytes. A problem opens when more than
    C(opens_above) percent are used, and closes when less than C(closes_below) are, C(changes_after) times in a row.
    """

    name: str
    path: str
    host: str
    quota: int | None = None
    entity: str = "DISK-5D1A000000000001"
    host_entity: str = "HOST-5D1A0000000000A1"
    opens_above: float = 95.0
    closes_below: float = 90.0
    interval: float = 0.25
    changes_after: int = 2


def _secret(name: str, prefix: str = "") -> str:
    """Return the secret that the environment gives under C(name), or a fresh one for this run only."""
    return os.environ.get(name) or prefix + secrets.token_hex(16)


@dataclass
class Settings:
    """Everything that one run of the sandbox depends on. Secrets come from the environment or are made up."""

    people: tuple[Person, ...] = (ANA, BO)
    on_call: str = "ana"
    group: str = "Checkout SRE"
    dynatrace_token: str = field(default_factory=lambda: _secret("DYNATRACE_TOKEN", "dt0c01.SANDBOX."))
    xmatters_user: str = field(default_factory=lambda: os.environ.get("XMATTERS_USER") or "x-api-key-sandbox")
    xmatters_password: str = field(default_factory=lambda: _secret("XMATTERS_PASSWORD"))
    jira_user: str = field(default_factory=lambda: os.environ.get("JIRA_USER") or "self-healing@example.com")
    jira_token: str = field(default_factory=lambda: _secret("JIRA_TOKEN"))
    jira_project: str = "DEMO"
    jira_webhook_secret: str = field(default_factory=lambda: _secret("JIRA_WEBHOOK_SECRET"))
    slack_token: str = field(default_factory=lambda: _secret("SLACK_TOKEN", "xoxb-"))
    slack_app_token: str = field(default_factory=lambda: _secret("SLACK_APP_TOKEN", "xapp-"))
    slack_signing_secret: str = field(default_factory=lambda: _secret("SLACK_SIGNING_SECRET"))
    keptn_token: str = field(default_factory=lambda: _secret("KEPTN_TOKEN"))
    #: Dynatrace posts problem notifications here, xMatters the chosen responses, Keptn the tasks that were triggered.
    #: None: nothing is posted.
    dynatrace_webhook: Webhook | None = None
    xmatters_webhook: Webhook | None = None
    keptn_webhook: Webhook | None = None
    #: Where Slack tells of pressed buttons, signed, while no socket is open.
    slack_interactivity: str | None = None
    #: Where Jira posts what happens to issues, signed.
    jira_webhook: str | None = None
    #: Where Keptn 2 sends its CloudEvents: an address and nothing else, as it knows no credentials.
    keptn_lifecycle_endpoint: str | None = None
    watches: tuple[Watch, ...] = ()
    disk_watches: tuple[DiskWatch, ...] = ()

    def person(self, key: str) -> Person:
        """Return the person with this key. Raises KeyError when there is none."""
        return {person.key: person for person in self.people}[key]
