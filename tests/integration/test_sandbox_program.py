# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox as a program: it tells its addresses and no secret, and ends in good order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.__main__ import options, webhook

ROOT = Path(__file__).absolute().parents[2]
SECRETS = {
    "DYNATRACE_TOKEN": "dt0c01.SECRET1",
    "XMATTERS_PASSWORD": "SECRET2",
    "JIRA_TOKEN": "SECRET3",
    "SLACK_TOKEN": "xoxb-SECRET4",
    "DYNATRACE_WEBHOOK_TOKEN": "SECRET5",
    "XMATTERS_WEBHOOK_TOKEN": "SECRET6",
    "KEPTN_TOKEN": "SECRET7",
    "KEPTN_WEBHOOK_TOKEN": "SECRET8",
}


class Running:
    def __init__(self, folder: Path, *arguments: str, secrets: dict[str, str] | None = None) -> None:
        self.file = folder / "addresses.json"
        command = [sys.executable, "-m", "sandbox", "--ports-file", str(self.file), *arguments]
        path = os.pathsep.join([str(ROOT / ".venv" / "collections"), str(ROOT / "extensions")])
        environment = {**os.environ, **(SECRETS if secrets is None else secrets), "PYTHONPATH": path}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def addresses(self) -> dict[str, str]:
        deadline = time.monotonic() + 60
        while not self.file.exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found: dict[str, str] = json.loads(self.file.read_text())
        return found

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        output, _nothing = self.process.communicate(timeout=30)
        return self.process.returncode, output


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    running: list[Running] = []

    def begin(*arguments: str, **options: Any) -> Running:
        running.append(Running(tmp_path, *arguments, **options))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_addresses_and_ends_in_good_order(start: Any, number: int) -> None:
    watch = "name=shop,url=http://127.0.0.1:9/,host=shop-01"
    sandbox = start(
        "--watch",
        watch,
        "--dynatrace-webhook",
        "http://127.0.0.1:9/dynatrace",
        "--keptn-webhook",
        "http://127.0.0.1:9/keptn",
    )
    addresses = sandbox.addresses()
    assert set(addresses) == {"page", "dynatrace", "xmatters", "jira", "slack", "keptn", "xmatters_form"}
    state = requests.get(f"{addresses['page']}/api/state", timeout=10).json()
    assert [one["service"] for one in state["tools"]["dynatrace"]["watches"]] == ["shop"]
    assert requests.get(f"{addresses['jira']}/rest/api/3/myself", timeout=10).status_code == 401
    # A browser that still listens must not keep it from ending.
    listening = requests.get(f"{addresses['page']}/api/events", stream=True, timeout=10)
    status, output = sandbox.end(number)
    listening.close()
    assert status == 0, output
    assert addresses["page"] in output
    told = output + sandbox.file.read_text() + json.dumps(state)
    assert "SECRET" not in told
    assert "Traceback" not in output


def test_credentials_that_nobody_knows_are_named(start: Any) -> None:
    sandbox = start(secrets={"JIRA_TOKEN": "SECRET3"})
    sandbox.addresses()
    _status, output = sandbox.end(signal.SIGTERM)
    assert "them: DYNATRACE_TOKEN, XMATTERS_PASSWORD, SLACK_TOKEN, SLACK_APP_TOKEN, KEPTN_TOKEN" in output


def test_a_taken_port_is_told(start: Any, tmp_path: Path) -> None:
    port = start().addresses()["page"].rpartition(":")[2]
    second = tmp_path / "second"
    second.mkdir()
    other = Running(second, "--page-port", port)
    output, _nothing = other.process.communicate(timeout=60)
    assert other.process.returncode == 1
    assert "address already in use" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name=shop", "url is missing"),
        ("url=http://127.0.0.1/,host=h", "name is missing"),
        ("name=shop,url=u,host=h,colour=red", "colour is unknown"),
        ("name=shop,url=u,host=h,quota=5", "quota is unknown"),
        ("name=/data,disk=/srv", "host is missing"),
        ("name=/data,disk=/srv,host=h,quota=much", "quota is no number"),
    ],
)
def test_a_wrong_watch_says_what_is_wrong(text: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(["--watch", text])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "headers"),
    [
        ({}, {}),
        ({"X_WEBHOOK_TOKEN": "s"}, {"Authorization": "Bearer s"}),
        ({"X_WEBHOOK_TOKEN": "s", "X_WEBHOOK_HEADER": "X-Token"}, {"X-Token": "s"}),
        ({"X_WEBHOOK_USER": "u", "X_WEBHOOK_PASSWORD": "p"}, {"Authorization": "Basic dTpw"}),
    ],
)
def test_webhooks_bring_what_the_environment_holds(environment: dict[str, str], headers: dict[str, str]) -> None:
    hook = webhook("http://127.0.0.1:9/x", "X", environment)
    assert hook is not None
    assert hook.headers == headers
    assert webhook(None, "X", environment) is None
