# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS of the listener: its certificate, and whose certificates senders have to bring.

The files are looked at for every new connection, and read again when one has changed: a renewed certificate needs no
restart. New files that are no good are told once, and the old ones stay in use.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tls:
    """Paths of PEM files: C(certfile) with the certificate and its chain, C(keyfile) with its key.

    With C(cafile) every sender has to bring a certificate that one of these authorities vouches for (mutual TLS).
    """

    certfile: str
    keyfile: str
    cafile: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context for a server. Raises ConfigurationError that names what is wrong."""
        return _Renewing(self)


def tls_from(args: Mapping[str, Any], source: str) -> Tls | None:
    """Return TLS from the arguments C(certfile), C(keyfile) and C(cafile) of an event source; None without any.

    Raises ConfigurationError that names the source and the argument.
    """
    # Empty is what a rulebook's template gives where its variable is not set.
    given = {"certfile": args.get("certfile"), "keyfile": args.get("keyfile"), "cafile": args.get("cafile")}
    given = {name: value or None for name, value in given.items()}
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"source {source}: {name} must be the path of a file")
    if not any(given.values()):
        return None
    for name, other in (("certfile", "keyfile"), ("keyfile", "certfile"), ("certfile", "cafile")):
        if given[other] and not given[name]:
            raise ConfigurationError(f"source {source}: {other} is given without {name}")
    tls = Tls(str(given["certfile"]), str(given["keyfile"]), given["cafile"])
    try:
        tls.context()
    except ConfigurationError as error:
        raise ConfigurationError(f"source {source}: {error.message}") from None
    return tls


class _Renewing(ssl.SSLContext):
    """A context that stands for the newest one that could be made of the files."""

    _tls: Tls
    _current: ssl.SSLContext
    _seen: tuple[Any, ...]

    def __new__(cls, tls: Tls) -> _Renewing:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._tls = tls
        made._seen = _look(tls)
        made._current = _read(tls)
        return made

    def __init__(self, _tls: Tls) -> None:
        super().__init__()

    def wrap_bio(self, *args: Any, **named: Any) -> ssl.SSLObject:
        return self._newest().wrap_bio(*args, **named)

    def wrap_socket(self, *args: Any, **named: Any) -> ssl.SSLSocket:
        return self._newest().wrap_socket(*args, **named)

    def _newest(self) -> ssl.SSLContext:
        seen = _look(self._tls)
        if seen != self._seen:
            self._seen = seen
            try:
                self._current = _read(self._tls)
            except ConfigurationError as error:
                logger.error("%s; the certificate that was read before stays in use", error.message)
            else:
                logger.info("%s and what belongs to it was read again", self._tls.certfile)
        return self._current


def _look(tls: Tls) -> tuple[Any, ...]:
    """Return by what a changed file is recognised."""
    found: list[Any] = []
    for path in (tls.certfile, tls.keyfile, tls.cafile):
        try:
            status = os.stat(path) if path else None
        except OSError:
            status = None
        found.append((status.st_mtime_ns, status.st_size, status.st_ino) if status else None)
    return tuple(found)


def _read(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for name, path in (("certfile", tls.certfile), ("keyfile", tls.keyfile), ("cafile", tls.cafile)):
        if path and not os.access(path, os.R_OK):
            raise ConfigurationError(f"{name} {path} cannot be read")
    try:
        # A key with a passphrase would make OpenSSL ask on the terminal.
        context.load_cert_chain(tls.certfile, tls.keyfile, password=_no_passphrase)
        if tls.cafile:
            context.load_verify_locations(tls.cafile)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        what = f"{tls.certfile}, {tls.keyfile}" + (f", {tls.cafile}" if tls.cafile else "")
        raise ConfigurationError(
            f"{what}: no certificate with its key in PEM, without a passphrase ({error})"
        ) from None
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")
