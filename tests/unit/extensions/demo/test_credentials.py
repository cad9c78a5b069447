# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are fresh, reach programs through the environment only, and are found wherever they were left."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from demo.credentials import Credentials
from demo.environment import environment_for
from demo.layout import COLLECTION, Layout

LISTENER = "http://127.0.0.1:5000"


def test_every_run_has_secrets_of_its_own_and_none_is_shown() -> None:
    one, other = Credentials(), Credentials()
    secrets = {name: value for name, value in one.environment().items() if not name.endswith("_USER")}
    assert len(set(secrets.values())) == len(secrets) == 11
    assert not set(secrets.values()) & set(other.environment().values())
    assert not any(value in repr(one) for value in secrets.values())


@pytest.mark.parametrize("name", [name for name in Credentials().environment() if not name.endswith("_USER")])
def test_a_secret_that_was_left_in_a_file_is_found(tmp_path: Path, name: str) -> None:
    credentials = Credentials()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "clean.log").write_text("nothing to see")
    place = tmp_path / "deep" / "er" / "journal.db-wal"
    place.write_bytes(b"\0\xff" + credentials.environment()[name].encode() + b"\0")
    assert list(credentials.leaks(tmp_path)) == [(place, name)]


@pytest.mark.parametrize(("user", "secret"), [("XMATTERS_USER", "XMATTERS_PASSWORD"), ("JIRA_USER", "JIRA_TOKEN")])
def test_a_secret_inside_http_basic_is_found(user: str, secret: str) -> None:
    credentials = Credentials()
    known = credentials.environment()
    header = b"Authorization: Basic " + base64.b64encode(f"{known[user]}:{known[secret]}".encode())
    assert credentials.named_in(header) == [f"{secret} (HTTP Basic)"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    credentials = Credentials()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text(credentials.jira_token)
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (tmp_path / "inside" / "file").symlink_to(tmp_path / "outside" / "file")
    assert list(credentials.leaks(tmp_path / "inside")) == []


def test_nobody_s_own_settings_reach_a_program(tmp_path: Path) -> None:
    own = {
        "JIRA_TOKEN": "real",
        "SLACK_URL": "https://slack.com",
        "DYNATRACE_CLIENT_ID": "real",
        "SELF_HEALING_JOURNAL": "postgresql://real",
        "ANSIBLE_CONFIG": "/home/me/ansible.cfg",
        "JPY_JAVA_HOME": "/old",
        "PATH": "/usr/bin",
        "HOME": "",
        "LANG": "C",
        "EDITOR": "vi",
    }
    layout, credentials = Layout(tmp_path), Credentials()
    environment = environment_for(layout, credentials, Path("/java"), {}, LISTENER, own)
    assert "real" not in " ".join(environment.values())
    assert "SLACK_URL" not in environment
    assert "JPY_JAVA_HOME" not in environment
    assert environment["HOME"] == str(layout.home)
    assert environment["ANSIBLE_CONFIG"] == str(tmp_path / "ansible.cfg")
    assert environment["LC_ALL"] == "C.UTF-8"
    assert environment["EDITOR"] == "vi"
    assert environment["PATH"].endswith("/java/bin:/usr/bin")
    assert environment["JIRA_TOKEN"] == credentials.jira_token
    assert environment["SELF_HEALING_ANSWER_URL"] == "http://127.0.0.1:5000/answer"
    assert environment["PYTHONPATH"].split(":")[1] == str(COLLECTION / "extensions")


def test_the_addresses_of_the_tools_reach_a_program_under_the_settings_names(tmp_path: Path) -> None:
    tools = ("dynatrace", "xmatters", "jira", "slack", "keptn", "xmatters_form", "page")
    addresses = {name: f"http://127.0.0.1/{name}" for name in tools}
    environment = environment_for(
        Layout(tmp_path), Credentials(), Path("/java"), addresses, LISTENER, {"LC_ALL": "de_DE.UTF-8"}
    )
    assert environment["JIRA_URL"] == "http://127.0.0.1/jira"
    assert environment["XMATTERS_FORM_URL"] == "http://127.0.0.1/xmatters_form"
    assert environment["LC_ALL"] == "de_DE.UTF-8"
