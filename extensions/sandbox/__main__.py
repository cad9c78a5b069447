# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the sandbox until it is told to end.

    python -m sandbox --page-port 8080 --journal journal.db --watch name=shop,url=http://127.0.0.1:8000/,host=shop-01
    python -m sandbox --page-port 8080 --watch name=/data,disk=/srv/data,host=db-01

Secrets come from the environment only: DYNATRACE_TOKEN, XMATTERS_USER, XMATTERS_PASSWORD, JIRA_USER, JIRA_TOKEN,
SLACK_TOKEN, SLACK_APP_TOKEN and KEPTN_TOKEN are what the tools accept. SLACK_SIGNING_SECRET and JIRA_WEBHOOK_SECRET
sign what Slack and Jira post.
DYNATRACE_WEBHOOK_TOKEN, XMATTERS_WEBHOOK_TOKEN and KEPTN_WEBHOOK_TOKEN are what they send with their webhooks: as a
bearer token, or in the header that C(..._WEBHOOK_HEADER) names, or as the password of C(..._WEBHOOK_USER) (Basic) when
C(..._WEBHOOK_PASSWORD) is set.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .server import Sandbox
from .settings import ANA, BO, CLEO, DiskWatch, Settings, Watch, Webhook
from .xmatters import XMatters

CREDENTIALS = ("DYNATRACE_TOKEN", "XMATTERS_PASSWORD", "JIRA_TOKEN", "SLACK_TOKEN", "SLACK_APP_TOKEN", "KEPTN_TOKEN")


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="The emulated tool chain on loopback, with a web page. Secrets come from the environment.",
        allow_abbrev=False,
    )
    parser.add_argument("--page-port", type=int, default=0, metavar="PORT", help="port of the page (0: a free one)")
    parser.add_argument("--ports-file", type=Path, metavar="FILE", help="JSON file that gets everybody's address")
    parser.add_argument("--journal", metavar="PATH", help="journal whose incidents the page shows (path or URL)")
    parser.add_argument(
        "--watch",
        type=watch,
        action="append",
        default=[],
        metavar="name=…,url=…|disk=…,host=…",
        help="service that the emulated Dynatrace probes, or folder whose disk it looks at (may be repeated)",
    )
    parser.add_argument("--third-person", action="store_true", help="adds Cleo Roth to Ana Berg and Bo Lind")
    parser.add_argument("--dynatrace-webhook", metavar="URL", help="where Dynatrace posts its notifications")
    parser.add_argument("--xmatters-webhook", metavar="URL", help="where xMatters posts responses")
    parser.add_argument("--jira-webhook", metavar="URL", help="where Jira posts what happens to issues, signed")
    parser.add_argument("--slack-interactivity", metavar="URL", help="where Slack posts pressed buttons, signed")
    parser.add_argument("--keptn-webhook", metavar="URL", help="where Keptn posts actions and rollbacks to carry out")
    parser.add_argument("--keptn-lifecycle-endpoint", metavar="URL", help="where Keptn 2 sends its CloudEvents")
    return parser.parse_args(arguments)


def watch(text: str) -> Watch | DiskWatch:
    """Return the watch that C(name=shop,url=http://127.0.0.1:8000/,host=shop-01) describes.

    With C(slow=) (milliseconds) a service is also watched for slow answers and for new releases.
    C(name=/data,disk=/srv/data,host=db-01) is that of a disk. With C(quota=) (bytes) the folder is looked at alone.
    """
    given = dict(part.partition("=")[::2] for part in text.split(","))
    what, other = ("disk", {"quota"}) if "disk" in given else ("url", {"slow"})
    unknown = set(given) - {"name", what, "host"} - other
    missing = [name for name in ("name", what, "host") if not given.get(name)]
    wrong = [f"{missing[0]} is missing"] if missing else [f"{min(unknown)} is unknown"] if unknown else []
    if not wrong and not given.get("quota", "1").isdigit():
        wrong = ["quota is no number of bytes"]
    if not wrong and not given.get("slow", "1").isdigit():
        wrong = ["slow is no number of milliseconds"]
    if wrong:
        raise argparse.ArgumentTypeError(f"{wrong[0]}; write name=…,url=…,host=… or name=…,disk=…,host=…")
    if what == "disk":
        quota = int(given["quota"]) if "quota" in given else None
        return DiskWatch(name=given["name"], path=given["disk"], host=given["host"], quota=quota)
    slow_ms = float(given["slow"]) if "slow" in given else None
    return Watch(service=given["name"], url=given["url"], host=given["host"], slow_ms=slow_ms)


def webhook(url: str | None, vendor: str, environment: Mapping[str, str]) -> Webhook | None:
    """Return where C(vendor) posts, with the credentials that the environment holds for it."""
    if url is None:
        return None
    user = environment.get(f"{vendor}_WEBHOOK_USER", "")
    password = environment.get(f"{vendor}_WEBHOOK_PASSWORD")
    token = environment.get(f"{vendor}_WEBHOOK_TOKEN")
    header = environment.get(f"{vendor}_WEBHOOK_HEADER")
    if password:
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        return Webhook(url, {"Authorization": f"Basic {encoded}"})
    if token:
        return Webhook(url, {header: token} if header else {"Authorization": f"Bearer {token}"})
    return Webhook(url)


def write_addresses(path: Path, addresses: dict[str, str]) -> None:
    """Write the file so that a reader finds all of it or no file."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(addresses, indent=2) + "\n", "utf-8")
    fresh.replace(path)


async def serve(chosen: argparse.Namespace) -> None:
    settings = Settings(
        people=(ANA, BO, CLEO) if chosen.third_person else (ANA, BO),
        dynatrace_webhook=webhook(chosen.dynatrace_webhook, "DYNATRACE", os.environ),
        xmatters_webhook=webhook(chosen.xmatters_webhook, "XMATTERS", os.environ),
        slack_interactivity=chosen.slack_interactivity,
        jira_webhook=chosen.jira_webhook,
        keptn_webhook=webhook(chosen.keptn_webhook, "KEPTN", os.environ),
        keptn_lifecycle_endpoint=chosen.keptn_lifecycle_endpoint,
        watches=tuple(one for one in chosen.watch if isinstance(one, Watch)),
        disk_watches=tuple(one for one in chosen.watch if isinstance(one, DiskWatch)),
    )
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sandbox = Sandbox(settings, chosen.journal)
    try:
        await sandbox.start(chosen.page_port)
        addresses = sandbox.addresses()
        xmatters = sandbox.tools[XMatters.name]
        assert isinstance(xmatters, XMatters)
        # Where alerts are triggered. Without the key in the address it is no secret: the caller has to sign in.
        addresses["xmatters_form"] = xmatters.form_url
        if chosen.ports_file is not None:
            write_addresses(chosen.ports_file, addresses)
        for name, address in addresses.items():
            print(f"{name:<14} {address}", flush=True)
        unknown = [name for name in CREDENTIALS if not os.environ.get(name)]
        if unknown:
            print(f"Made up for this run, so that nobody knows them: {', '.join(unknown)}", flush=True)
        await ended.wait()
    finally:
        await sandbox.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    try:
        asyncio.run(serve(chosen))
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
