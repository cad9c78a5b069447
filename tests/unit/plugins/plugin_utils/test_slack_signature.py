# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures of Slack: which requests come in, and that each comes in once."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_signature import FRESH, SlackSignature

NOW = 1_795_336_310
SECRET, OLD = "8f742231b10e8888abcd99yyyzzz85a5", "an-older-secret"
BODY = b"payload=%7B%22type%22%3A%22block_actions%22%7D"


def door(secret: Any = SECRET, now: float = NOW) -> SlackSignature:
    return SlackSignature(secret, clock=lambda: now)


def signed(body: bytes = BODY, secret: str = SECRET, timestamp: Any = NOW) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def test_the_example_of_the_vendor() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    assert door(now=1_531_420_620).admit_body(headers, body)


@pytest.mark.parametrize(
    "secret, headers",
    [
        (SECRET, signed()),
        (SECRET, signed(timestamp=NOW - FRESH)),
        (SECRET, signed(timestamp=NOW + FRESH)),
        ([SECRET, OLD], signed()),
        ([SECRET, OLD], signed(secret=OLD)),
    ],
    ids=["now", "5 minutes ago", "clock ahead", "new of two", "old of two"],
)
def test_a_good_signature_comes_in(secret: Any, headers: dict[str, str]) -> None:
    assert door(secret).admit(headers)
    assert door(secret).admit_body(headers, BODY)


@pytest.mark.parametrize(
    "headers, body",
    [
        ({}, BODY),
        ({"X-Slack-Signature": signed()["X-Slack-Signature"]}, BODY),
        ({"X-Slack-Request-Timestamp": str(NOW)}, BODY),
        (signed(secret=OLD), BODY),
        (signed(secret=""), BODY),
        (signed(), BODY + b"&"),
        (signed(), b""),
        (signed(), BODY.lower()),
        (signed(timestamp=NOW - FRESH - 1), BODY),
        (signed(timestamp=NOW + FRESH + 1), BODY),
        (signed(timestamp=f"{NOW}.0"), BODY),
        (signed(timestamp=f" {NOW}"), BODY),
        (signed(timestamp=f"+{NOW}"), BODY),
        (signed(timestamp="١٧٩٥٣٣٦٣١٠"), BODY),
        (signed(timestamp="nan"), BODY),
        (signed(timestamp=""), BODY),
        (signed(timestamp="9" * 40), BODY),
        ({**signed(), "X-Slack-Request-Timestamp": str(NOW + 1)}, BODY),
        ({**signed(), "X-Slack-Signature": signed()["X-Slack-Signature"].replace("v0", "v1")}, BODY),
        ({**signed(), "X-Slack-Signature": signed()["X-Slack-Signature"].upper()}, BODY),
        ({**signed(), "X-Slack-Signature": signed()["X-Slack-Signature"][:-1]}, BODY),
        ({**signed(), "X-Slack-Signature": "v0="}, BODY),
        ({**signed(), "X-Slack-Signature": "v0=" + "ä" * 64}, BODY),
    ],
)
def test_anything_else_stays_outside(headers: dict[str, str], body: bytes) -> None:
    assert not door().admit_body(headers, body)


def test_a_replay_stays_outside_also_when_it_is_no_longer_fresh() -> None:
    now = [float(NOW)]
    opened = SlackSignature(SECRET, clock=lambda: now[0])
    headers = signed(timestamp=NOW + FRESH)
    assert opened.admit_body(headers, BODY)
    for later in (0, 1, FRESH, 2 * FRESH, 2 * FRESH + 1, 10 * FRESH):
        now[0] = NOW + later
        assert not opened.admit_body(headers, BODY)
    assert opened.admit_body(signed(timestamp=int(now[0])), BODY)


def test_a_wrong_request_does_not_use_a_signature_up_and_old_ones_are_forgotten() -> None:
    now = [float(NOW)]
    opened = SlackSignature(SECRET, clock=lambda: now[0])
    assert not opened.admit_body(signed(), BODY + b"&")
    assert opened.admit_body(signed(), BODY)
    for second in range(1, 50):
        now[0] = NOW + second * FRESH
        assert opened.admit_body(signed(timestamp=int(now[0])), BODY)
    assert len(opened._admitted) <= 3


@pytest.mark.parametrize("secret", ["", " ", [], ["good", ""], 7, ["{{ vault }}"], "{{ vault }}"])
def test_what_is_no_secret_is_named(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="slack_signing_secret"):
        door(secret)


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(door())
