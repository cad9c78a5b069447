# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may post to a source: the secrets of one path, and how they are compared.

Pure: the arguments of a source in, a yes or no per request out.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError

#: One secret, or several that are valid at the same time (while a secret is being changed).
Secrets = str | Sequence[str] | None

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")


class Door(Protocol):
    """What decides whether a request may come in. C(names) begins the names of its settings in messages."""

    @property
    def names(self) -> str: ...

    @property
    def closed(self) -> bool:
        """Whether anything is needed to get in."""

    def admit(self, headers: Mapping[str, str], /) -> bool:
        """Return whether the body of a request with these headers is worth reading."""

    def admit_body(self, headers: Mapping[str, str], body: bytes, /) -> bool:
        """Return whether the request may come in, now that its body is there as it was sent."""


@dataclass(frozen=True)
class Proven:
    """A door for paths where the handler itself checks a proof that each request carries, as a signed link does."""

    names: str
    closed: bool = True

    def admit(self, _headers: Mapping[str, str], /) -> bool:
        return True

    def admit_body(self, _headers: Mapping[str, str], _body: bytes, /) -> bool:
        return True


@dataclass(frozen=True)
class Doors:
    """The ways into one path. Each that is configured opens it on its own; none configured means open to everybody.

    C(user) with C(password): HTTP Basic. C(token): C(Authorization: Bearer), or the plain value of the header C(header)
    when that is named. C(names) is what the arguments are called in messages: C(names_user) and so on.
    """

    user: str | None = None
    password: Secrets = field(default=None, repr=False)
    token: Secrets = field(default=None, repr=False)
    header: str | None = None
    names: str = "webhook"

    def __post_init__(self) -> None:
        if self.user is not None and not _is_user(self.user):
            raise ConfigurationError(f"{self.names}_user must be text that is not empty and holds no colon")
        for name, secrets in (("password", self.password), ("token", self.token)):
            check_secrets(f"{self.names}_{name}", secrets)
        if self.user is not None and self.password is None:
            raise ConfigurationError(f"{self.names}_user is set without {self.names}_password")
        if self.password is not None and self.user is None:
            raise ConfigurationError(f"{self.names}_password is set without {self.names}_user")
        if self.header is not None:
            if not _is_header_name(self.header):
                raise ConfigurationError(f"{self.names}_header must be the name of an HTTP header")
            if self.token is None:
                raise ConfigurationError(
                    f"{self.names}_header is set without {self.names}_token, the value to expect in it"
                )

    @property
    def closed(self) -> bool:
        """Whether anything is needed to get in."""
        return self.user is not None or self.token is not None

    def admit(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request with these headers may come in. C(headers) must be case-insensitive.

        Takes the same time for every wrong secret of the same length.
        """
        if not self.closed:
            return True
        scheme, _blank, value = headers.get("Authorization", "").strip().partition(" ")
        admitted = False
        if self.user is not None:
            given = _basic(value.strip()) if scheme.lower() == "basic" else None
            user, password = given or ("", "")
            admitted |= bool(given) & _same(user, self.user) & _same(password, self.password)
        if self.token is not None and self.header is None:
            admitted |= (scheme.lower() == "bearer") & _same(value.strip(), self.token)
        if self.token is not None and self.header is not None:
            admitted |= _same(headers.get(self.header, ""), self.token)
        return admitted

    def admit_body(self, _headers: Mapping[str, str], _body: bytes, /) -> bool:
        """Return True: nothing of the body opens these doors."""
        return True


def doors_for(
    vendor: str,
    *,
    user: Any = None,
    password: Any = None,
    token: Any = None,
    header: Any = None,
    environment: Mapping[str, str] | None = None,
) -> Doors:
    """Return the doors for the webhooks of C(vendor), from the arguments of an event source.

    The arguments are called C(dynatrace_webhook_user) and so on. A password or token may be a list. What is not given
    is looked for in the environment, under the same name in capitals.

    Raises ConfigurationError that names the argument.
    """
    environment = os.environ if environment is None else environment
    names = f"{vendor}_webhook"
    given = {"user": user, "password": password, "token": token, "header": header}
    for name, value in given.items():
        # An empty argument is an error (a variable that is missing, most likely), not a reason to look elsewhere.
        if value is None:
            given[name] = environment.get(f"{names}_{name}".upper()) or None
    return Doors(**given, names=names)


def _is_user(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and ":" not in value


def _is_header_name(value: Any) -> bool:
    return isinstance(value, str) and _HEADER_NAME.fullmatch(value) is not None


def check_secrets(name: str, secrets: Any) -> None:
    """Raise ConfigurationError that names the setting unless it holds a secret, a list of them, or nothing."""
    if secrets is None:
        return
    for secret in [secrets] if isinstance(secrets, str) else secrets if isinstance(secrets, (list, tuple)) else [None]:
        if not isinstance(secret, str):
            raise ConfigurationError(f"{name} must be text or a list of texts (a number needs quotes)")
        if not secret.strip():
            raise ConfigurationError(f"{name} is empty: leave it out or give the secret")
        if "{{" in secret:
            raise ConfigurationError(
                f"{name} is a template that was not filled in: give its variable to ansible-rulebook"
            )
    if not secrets:
        raise ConfigurationError(f"{name} is an empty list")


def each_secret(secrets: Secrets) -> Sequence[str]:
    """Return the secrets that are valid now, of what L(check_secrets) has checked."""
    return [secrets] if isinstance(secrets, str) else secrets or ()


def _basic(value: str) -> tuple[str, str] | None:
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def _same(given: str, wanted: Secrets) -> bool:
    digest = _digest(given)
    same = False
    for secret in each_secret(wanted):
        same |= hmac.compare_digest(digest, _digest(secret))
    return same


def _digest(text: str) -> bytes:
    # Headers that are not UTF-8 arrive with their odd bytes as lone surrogates.
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
