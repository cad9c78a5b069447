# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener's certificates over real connections: who gets in, and what a renewed file changes."""

from __future__ import annotations

import logging
import shutil
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils import listener
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Doors
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Inbound, Reply
from ansible_collections.self_healing.devops.plugins.plugin_utils.tls import Tls, tls_from
from support.certificates import Authority


async def taken(_inbound: Inbound) -> Reply:
    return Reply(202)


async def post(url: str, trusted: Path, certificate: tuple[Path, Path] | None = None) -> int:
    context = ssl.create_default_context(cafile=str(trusted))
    if certificate:
        context.load_cert_chain(*certificate)
    async with aiohttp.ClientSession() as session, session.post(url, data=b"{}", ssl=context) as answer:
        return answer.status


def files(certificate: tuple[Path, Path], authority: Authority | None = None) -> Tls:
    return Tls(str(certificate[0]), str(certificate[1]), str(authority.path) if authority else None)


async def test_a_sender_talks_to_the_one_whom_its_authority_knows(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "somebody else")
    async with listener.serve("127.0.0.1", 0, "/in", taken, Doors(), tls=files(ours.vouch("listener"))) as url:
        assert url.startswith("https://")
        assert await post(url, ours.path) == 202
        with pytest.raises(aiohttp.ClientSSLError):
            await post(url, other.path)


async def test_only_senders_with_a_certificate_of_the_named_authority_get_in(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "somebody else")
    tls = files(ours.vouch("listener"), ours)
    # A certificate is authentication enough for an address that other machines reach.
    async with listener.serve("0.0.0.0", 0, "/in", taken, Doors(), tls=tls) as url:
        here = url.replace("0.0.0.0", "127.0.0.1")
        assert await post(here, ours.path, ours.vouch("sender")) == 202
        for stranger in (None, other.vouch("stranger")):
            with pytest.raises(aiohttp.ClientError):
                await post(here, ours.path, stranger)


async def test_a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    used = tmp_path / "used.pem", tmp_path / "used.key"

    def put(certificate: tuple[Path, Path]) -> None:
        for source, place in zip(certificate, used, strict=True):
            shutil.copy(source, place)

    put(first.vouch("one"))
    async with listener.serve("127.0.0.1", 0, "/in", taken, Doors(), tls=files(used)) as url:
        assert await post(url, first.path) == 202
        used[0].write_text("-----BEGIN CERTIFICATE-----\nhalf")
        with caplog.at_level(logging.ERROR):
            assert await post(url, first.path) == 202
        assert "stays in use" in caplog.text
        put(second.vouch("two"))
        assert await post(url, second.path) == 202
        with pytest.raises(aiohttp.ClientSSLError):
            await post(url, first.path)


async def test_all_who_share_a_port_speak_the_same(tmp_path: Path) -> None:
    tls = files(Authority(tmp_path).vouch("listener"))
    async with listener.serve("127.0.0.1", 0, "/in", taken, Doors(), tls=tls) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(ConfigurationError, match="with other certificates"):
            async with listener.serve("127.0.0.1", port, "/other", taken, Doors()):
                pass
        async with listener.serve("127.0.0.1", port, "/other", taken, Doors(), tls=tls):
            pass


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"certfile": "listener.pem"}, "certfile is given without keyfile"),
        ({"keyfile": "listener.key"}, "keyfile is given without certfile"),
        ({"cafile": "test-authority.pem"}, "cafile is given without certfile"),
        ({"certfile": 1, "keyfile": "listener.key"}, "certfile must be the path of a file"),
        ({"certfile": "absent.pem", "keyfile": "listener.key"}, "absent.pem cannot be read"),
        ({"certfile": "listener.key", "keyfile": "listener.pem"}, "no certificate with its key"),
        (
            {"certfile": "listener.pem", "keyfile": "listener.key", "cafile": "listener.key"},
            "no certificate with its key",
        ),
    ],
)
def test_what_is_wrong_with_the_files_is_named(tmp_path: Path, args: dict[str, Any], message: str) -> None:
    Authority(tmp_path).vouch("listener")
    given = {name: str(tmp_path / value) if isinstance(value, str) else value for name, value in args.items()}
    with pytest.raises(ConfigurationError, match=f"source keptn: .*{message}"):
        tls_from(given, "keptn")


def test_without_files_there_is_no_tls() -> None:
    assert tls_from({}, "keptn") is None
    assert tls_from({"certfile": "", "keyfile": "", "cafile": ""}, "keptn") is None
