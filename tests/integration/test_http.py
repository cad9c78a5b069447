# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the transport of all clients does with servers that mean no good, over real connections."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import http as subject
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    ConfigurationError,
    SelfHealingError,
    UnclearOutcomeError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Api, RequestsTransport
from support.certificates import Authority

SECRET = "s3cret-of-the-api"
EMPTY = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
Answer = Callable[[socket.socket], None]


class Server:
    """Answers every connection on a loopback port with what C(answer) sends, and keeps what was asked."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.asked: list[bytes] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while not self.ended.is_set():
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return
            try:
                with connection:
                    talk = self._context.wrap_socket(connection, server_side=True) if self._context else connection
                    self.asked.append(talk.recv(65536))
                    self._answer(talk)
            except OSError:
                continue

    def stop(self) -> None:
        self.ended.set()
        # A thread that waits in accept() wakes up by that, not by a close alone.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


@contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(answer, context)
    try:
        yield server
    finally:
        server.stop()


def saying(text: str) -> Answer:
    return lambda talk: talk.sendall(text.encode())


def api(url: str, **options: object) -> Api:
    return Api(
        "Vendor",
        url,
        RequestsTransport(),
        headers={"Authorization": f"Bearer {SECRET}"},
        secrets=[SECRET],
        timeout=0.2,
        attempts=1,
        **options,
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_the_credentials_stay_here(status: int) -> None:
    with serving(saying(EMPTY)) as thief:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {thief.url}/\r\nContent-Length: 0\r\n\r\n"
        with serving(saying(moved)) as server, pytest.raises(ApiError, match=f"was answered {status}"):
            api(server.url).call("GET", "things")
        assert thief.asked == []


@pytest.mark.parametrize(
    "following",
    ["https://127.0.0.1:1/next", "http://localhost:1/next", "//elsewhere.example/next", "http://user@127.0.0.1:1/next"],
)
def test_a_page_elsewhere_is_not_read(following: str) -> None:
    with serving(saying(EMPTY)) as server:
        pages = api(server.url).pages("things", lambda _page: following)
        assert next(pages) == {}
        if following.startswith("//"):
            # Without a scheme it is a path below our own address, which is no way out either.
            next(pages)
            assert [b"elsewhere.example" in asked.split(b"Host:")[1] for asked in server.asked] == [False, False]
        else:
            with pytest.raises(AnswerError, match="another server"):
                next(pages)


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ANSWER_LIMIT", 1 << 20)

    def endless(talk: socket.socket) -> None:
        talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            talk.sendall(b"x" * 65536)

    with serving(endless) as server, pytest.raises(AnswerError, match="larger than 1 MiB"):
        api(server.url).call("GET", "things")


def test_an_answer_that_drips_is_not_waited_for_for_ever() -> None:
    with serving(lambda talk: None) as server:

        def dripping(talk: socket.socket) -> None:
            talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not server.ended.wait(0.05):
                talk.sendall(b"x")

        server._answer = dripping
        with pytest.raises(UnclearOutcomeError, match=r"did not end within 0\.8 s"):
            api(server.url).call("POST", "things")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n\r\n",
        "no HTTP at all",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        f"HTTP/1.1 500 {SECRET}\r\nContent-Length: 17\r\n\r\n{SECRET}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_whatever_a_server_says_it_is_an_error_with_words_and_without_secrets(text: str) -> None:
    with serving(saying(text)) as server:
        with pytest.raises(SelfHealingError, match=r"Vendor|JSON") as caught:
            api(server.url).call("GET", "things").json()
        assert SECRET not in caught.value.message


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_refused_and_a_file_makes_it_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        # What the whole machine trusts does not take the place of what was named for this API.
        monkeypatch.delenv(name, raising=False)
        if elsewhere:
            monkeypatch.setenv(name, str(Authority(tmp_path, "somebody else").path))
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.vouch("vendor"))
    with serving(saying(EMPTY), context) as server:
        with pytest.raises(UnreachableError, match="TLS with"):
            api(server.url).call("GET", "things")
        trusting = Api("Vendor", server.url, RequestsTransport(ca_path=str(authority.path)), attempts=1)
        assert trusting.call("GET", "things").json() == {}


def test_an_answer_in_chunks_and_a_compressed_one_are_read() -> None:
    with serving(
        saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    ) as server:
        assert api(server.url).call("GET", "things").json() == {}
    packed = gzip.compress(b"{}")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with serving(lambda talk: talk.sendall(head + packed)) as server:
        assert api(server.url).call("GET", "things").json() == {}


def test_a_file_with_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.pem")
    nowhere = Api("Vendor", "https://127.0.0.1:1", RequestsTransport(ca_path=absent), attempts=1)
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        nowhere.call("GET", "things")
