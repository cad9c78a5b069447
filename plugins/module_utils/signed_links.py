# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links by which a responder answers: addresses that prove to whom they were sent, and about which question.

Pure. A link is a value, and its token is always the same: whoever makes it twice gets the same address, and whoever
answered with it is told from everybody else. That it works once is the journal's matter, not the signature's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError
from .incident import INCIDENT_ID, moment, storable

try:
    from itsdangerous import BadSignature, Signer
except ImportError:
    # Told where a link is made or taken, by LinkKeys.
    Signer = None  # type: ignore[assignment, misc]

#: What a token may be used for. Another purpose has another salt, so that its tokens are none of these.
SALT = b"self_healing.devops/answer/1"
BINDING_SALT = b"self_healing.devops/answer-page/1"
#: Characters of a secret: 43 of base64 or of what is random in the same way are 256 bits.
LEAST_SECRET = 43
#: Longer tokens are not looked at.
LONGEST_TOKEN = 1000
#: Longer names are cut.
LONGEST_NAME = 120
#: How long a link works after its question was asked.
LIFETIME = timedelta(hours=24)

#: An encoded payload and an encoded HMAC-SHA256.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,900}\.[A-Za-z0-9_-]{43}")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

SECRETS_VARIABLE, URL_VARIABLE = "SELF_HEALING_LINK_SECRETS", "SELF_HEALING_ANSWER_URL"
_MAKE_ONE = "make one with: openssl rand -hex 32"


@dataclass(frozen=True)
class Link:
    """What a token says: which question (C(asked), the number of its entry) of which incident, and until when.

    C(to) is the person or group that it was sent to. C(personal) tells that this is one person, so that whoever has the
    link is taken for that person.
    """

    incident: str
    asked: int
    to: str
    personal: bool
    expires: datetime

    @property
    def id(self) -> str:
        """Return what tells this link from all others. It is no secret, and does not lead to the token."""
        parts = (self.incident, str(self.asked), "person" if self.personal else "others", self.to)
        digest = hashlib.sha256("\x00".join(parts).encode()).digest()
        return base64.b32encode(digest).decode().lower()[:26]

    def expired(self, now: datetime) -> bool:
        return now >= self.expires


class LinkKeys:
    """Signs and reads links. The first secret signs, and all of them are valid, so that one can be changed.

    Raises ConfigurationError that names the setting when a secret is no good, or the library is missing.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if Signer is None:
            raise ConfigurationError("the Python package itsdangerous is missing: pip install 'itsdangerous>=2.2'")
        for secret in secrets:
            _check_secret(secret)
        if not secrets:
            raise ConfigurationError(f"self_healing_link_secrets is empty: {_MAKE_ONE}")
        self._signer = _signer(secrets, SALT)
        self._binder = _signer(secrets[:1], BINDING_SALT)

    def token(self, link: Link) -> str:
        """Return the signed text of a link: characters of a path, below C(LONGEST_TOKEN)."""
        said = [link.incident, link.asked, link.to, int(link.personal), int(link.expires.timestamp())]
        payload = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        return self._signer.sign(_encoded(payload)).decode("ascii")

    def read(self, token: str) -> Link | None:
        """Return what a token says, also of one that is expired; None when nobody here has signed it."""
        if len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token) or not _is_plain(token):
            return None
        try:
            payload = self._signer.unsign(token)
        except BadSignature:
            return None
        return _link(json.loads(_decoded(payload)))

    def bind(self, *parts: str) -> str:
        """Return a text that only the holder of the newest secret can make of these texts."""
        return self._binder.get_signature("\x00".join(parts)).decode("ascii")


def _signer(secrets: Sequence[str], salt: bytes) -> Signer:
    # The library signs with the last one of its list.
    keys = [secret.encode() for secret in reversed(secrets)]
    return Signer(keys, salt=salt, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)


def _link(said: Any) -> Link:
    incident, asked, to, personal, expires = said
    return Link(incident, asked, to, bool(personal), datetime.fromtimestamp(expires, timezone.utc))


def _encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _is_plain(token: str) -> bool:
    """Whether each part is spelled as base64 spells it: the last character has bits that say nothing."""
    try:
        return all(_encoded(_decoded(part)) == part for part in token.encode().split(b"."))
    except ValueError:
        return False


# -- links of an incident ---------------------------------------------------------------------------------------------


def link_of(incident: Mapping[str, Any], to: str, *, personal: bool, lifetime: timedelta = LIFETIME) -> Link | None:
    """Return the link for the question that an incident (L(Incident.to_dict)) asks now, None when it asks none.

    Its life begins with the question, so that it is the same link whenever it is made.
    """
    asked = incident.get("asked")
    entry = next((line for line in incident["timeline"] if line["n"] == asked), None) if asked else None
    name = plain_name(to, LONGEST_NAME)
    if entry is None or not name or not INCIDENT_ID.fullmatch(str(incident["id"])):
        return None
    at = moment(entry["at"])
    if at is None:
        return None
    return Link(str(incident["id"]), int(entry["n"]), name, personal, (at + lifetime).replace(microsecond=0))


def plain_name(name: str, longest: int) -> str:
    """Return a name on one line of at most C(longest) characters, of those that can be seen."""
    seen = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    return storable(seen)[:longest].strip()


def address(url: str, keys: LinkKeys, link: Link) -> str:
    """Return the address of a link below C(url), which L(answer_url) has checked."""
    return f"{url}/{keys.token(link)}"


# -- settings ---------------------------------------------------------------------------------------------------------


def link_secrets(given: Any, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the secrets of a list or of a text with blanks or commas between them; else those of the environment.

    An empty list where there are none. Raises ConfigurationError.
    """
    if given is None or given in ("", []):
        given = (os.environ if environment is None else environment).get(SECRETS_VARIABLE, "")
    if isinstance(given, str):
        # A template has blanks inside: it is one text that is no good, and not several.
        given = [given] if "{{" in given else re.split(r"[\s,]+", given.strip())
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError("self_healing_link_secrets must be a list of texts")
    secrets = [secret for secret in given if secret != ""]
    for secret in secrets:
        _check_secret(secret)
    return secrets


def _check_secret(secret: Any) -> None:
    if not isinstance(secret, str):
        raise ConfigurationError("self_healing_link_secrets must hold texts (a number needs quotes)")
    if "{{" in secret or "{%" in secret:
        raise ConfigurationError(
            "self_healing_link_secrets holds a template that was not filled in: give its variable to ansible-rulebook, "
            f"or set {SECRETS_VARIABLE}"
        )
    if len(secret.strip()) < LEAST_SECRET:
        raise ConfigurationError(
            f"a secret in self_healing_link_secrets is shorter than {LEAST_SECRET} characters: {_MAKE_ONE}"
        )


def answer_url(given: Any, environment: Mapping[str, str] | None = None) -> str:
    """Return the address below which links lead to the event source, without a slash at its end; empty for none.

    It must be HTTPS except on this machine: whoever reads a link on its way can answer. Raises ConfigurationError.
    """
    given = given or (os.environ if environment is None else environment).get(URL_VARIABLE) or ""
    if not isinstance(given, str) or not re.fullmatch(r"[!-~]{0,500}", given) or "{{" in given:
        raise ConfigurationError(f"self_healing_answer_url must be an address of at most 500 plain characters, {_LIKE}")
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"self_healing_answer_url is no address, {_LIKE}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or "@" in parts.netloc:
        raise ConfigurationError(f"self_healing_answer_url must be a web address, {_LIKE}")
    if "?" in given or "#" in given:
        raise ConfigurationError(f"self_healing_answer_url must end with a path, {_LIKE}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError("self_healing_answer_url must be https: whoever reads a link on its way can answer")
    return given.rstrip("/")


_LIKE = "like https://eda.example.com/answer"
