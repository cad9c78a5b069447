# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slack is asked who somebody is once in a while, and what could not be asked is asked again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Identity
from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User
from ansible_collections.self_healing.devops.plugins.module_utils.errors import UnreachableError
from ansible_collections.self_healing.devops.plugins.plugin_utils import slack_directory
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_directory import Directory, Ourselves


class Client:
    """Knows everybody, unless it is C(down)."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False
        self.now = 0.0

    def user(self, user: str) -> User | None:
        self.asked.append(user)
        if self.down:
            raise UnreachableError("Slack: down")
        return None if user == "UNOBODY" else User(user, user.title(), None, "T1", True, True)

    def identity(self) -> Identity:
        self.asked.append("auth.test")
        if self.down:
            raise UnreachableError("Slack: down")
        return Identity("UBOT", "B1", "T1", "https://x.slack.com/")

    def app_id(self, bot: str) -> str | None:
        return f"A{bot}"


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def directory(client: Client) -> Directory:
    def connect() -> Any:
        return client

    return Directory(connect, lambda: client.now)


async def test_people_are_asked_for_once_also_at_the_same_moment(directory: Directory, client: Client) -> None:
    found = await asyncio.gather(*(directory.user("UANA") for _same in range(8)), directory.user("UNOBODY"))
    assert {user.id for user in found if user} == {"UANA"}
    assert await directory.user("UNOBODY") is None
    assert sorted(client.asked) == ["UANA", "UNOBODY"]


async def test_what_slack_said_is_believed_for_a_while(directory: Directory, client: Client) -> None:
    await directory.user("UANA")
    client.now = slack_directory.BELIEVED - 1
    await directory.user("UANA")
    assert client.asked == ["UANA"]
    client.now += 1
    await directory.user("UANA")
    assert client.asked == ["UANA", "UANA"]


async def test_a_failure_is_no_answer(directory: Directory, client: Client) -> None:
    client.down = True
    for ask in (lambda: directory.user("UANA"), directory.ourselves):
        with pytest.raises(UnreachableError):
            await ask()
    client.down = False
    assert (await directory.user("UANA")) is not None
    assert await directory.ourselves() == Ourselves("T1", "AB1")


async def test_whoever_stops_waiting_does_not_take_the_answer_from_others(directory: Directory) -> None:
    impatient = asyncio.create_task(directory.user("UANA"))
    patient = asyncio.create_task(directory.user("UANA"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient) is not None


async def test_the_most_recent_people_are_kept(
    directory: Directory, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_directory, "MOST_PEOPLE", 2)
    for user in ("UANA", "UBO", "UANA", "UCY", "UANA", "UBO"):
        await directory.user(user)
    assert client.asked == ["UANA", "UBO", "UCY", "UBO"]
