# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doors and address: what the arguments of a source may be, and the words for what they may not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Address, address_from, doors_for


@pytest.mark.parametrize(
    "args, message",
    [
        ({"user": "a"}, "dynatrace_webhook_user is set without dynatrace_webhook_password"),
        ({"password": "a"}, "dynatrace_webhook_password is set without dynatrace_webhook_user"),
        (
            {"user": "a:b", "password": "x"},
            "dynatrace_webhook_user must be text that is not empty and holds no colon",
        ),
        ({"user": "", "password": "x"}, "dynatrace_webhook_user must be text"),
        ({"user": "a", "password": ""}, "dynatrace_webhook_password is empty"),
        ({"token": " "}, "dynatrace_webhook_token is empty"),
        ({"token": []}, "dynatrace_webhook_token is an empty list"),
        ({"token": ["good", ""]}, "dynatrace_webhook_token is empty"),
        (
            {"token": 12345},
            r"dynatrace_webhook_token must be text or a list of texts \(a number needs quotes\)",
        ),
        ({"token": ["a", 1]}, "dynatrace_webhook_token must be text or a list of texts"),
        ({"token": "{{ token }}"}, "dynatrace_webhook_token is a template that was not filled in"),
        ({"header": "X-Token"}, "dynatrace_webhook_header is set without dynatrace_webhook_token"),
        (
            {"header": "X Token", "token": "x"},
            "dynatrace_webhook_header must be the name of an HTTP header",
        ),
        (
            {"header": 3, "token": "x"},
            "dynatrace_webhook_header must be the name of an HTTP header",
        ),
    ],
)
def test_wrong_door_is_named(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{message}") as caught:
        doors_for("dynatrace", **args)
    assert "good" not in caught.value.message


def test_no_door_means_open() -> None:
    assert not doors_for("dynatrace").closed


def test_secrets_may_come_from_the_environment() -> None:
    environment = {"DYNATRACE_WEBHOOK_TOKEN": "from-outside", "XMATTERS_WEBHOOK_TOKEN": "of-another"}
    doors = doors_for("dynatrace", environment=environment)
    assert doors.admit({"Authorization": "Bearer from-outside"})
    assert not doors.admit({"Authorization": "Bearer of-another"})
    given = doors_for("dynatrace", token="given", environment=environment)
    assert given.admit({"Authorization": "Bearer given"})
    assert not given.admit({"Authorization": "Bearer from-outside"})
    with pytest.raises(ConfigurationError, match="dynatrace_webhook_token is empty"):
        doors_for("dynatrace", token="", environment=environment)


def test_address_has_the_defaults_of_the_source() -> None:
    assert address_from({}, "dynatrace", "/dynatrace", 5000) == Address("127.0.0.1", 5000, "/dynatrace", 2**20)


def test_rendered_numbers_arrive_as_text() -> None:
    args = {"host": "0.0.0.0", "port": "8443", "path": "/x", "max_body": "4096"}
    assert address_from(args, "dynatrace", "/dynatrace") == Address("0.0.0.0", 8443, "/x", 4096)


@pytest.mark.parametrize(
    "args, message",
    [
        ({}, "port is missing"),
        ({"port": 70000}, "port must be a whole number from 0 to 65535"),
        ({"port": "http"}, "port must be a whole number"),
        ({"port": True}, "port must be a whole number"),
        ({"port": -1}, "port must be a whole number"),
        ({"port": 1, "max_body": 10}, "max_body must be a whole number from 1024 to"),
        ({"port": 1, "host": ""}, "host must be an address or a host name"),
        ({"port": 1, "path": "dynatrace"}, "path must be a plain path that starts with /"),
        ({"port": 1, "path": "/a?b"}, "path must be a plain path"),
        ({"port": 1, "path": "/healthz"}, "path must be a plain path that starts with /, but not /healthz"),
    ],
)
def test_wrong_address_is_named_with_its_source(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^source dynatrace: {message}"):
        address_from(args, "dynatrace", "/dynatrace")
