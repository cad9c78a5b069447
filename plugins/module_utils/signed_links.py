# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links: addresses by which a responder answers, or reads how an incident goes.

Pure. A link is a value, and its token is always the same: whoever makes it twice gets the same address, and whoever
answered with it is told from everybody else. That it works once is the journal's matter, not the signature's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .errors import ConfigurationError
from .incident import INCIDENT_ID, moment, storable
from .link_settings import MAKE_ONE, check_secret

try:
    from itsdangerous import BadSignature, Signer
except ImportError:
    # Told where a link is made or taken, by LinkKeys.
    Signer = None  # type: ignore[assignment, misc]

#: What a token may be used for. Another purpose has another salt, so that its tokens are none of these.
SALT = b"self_healing.devops/answer/1"
REPORT_SALT = b"self_healing.devops/report/1"
BINDING_SALT = b"self_healing.devops/answer-page/1"
#: Longer tokens are not looked at.
LONGEST_TOKEN = 1000
#: Longer names are cut.
LONGEST_NAME = 120
#: How long a link works after its question was asked.
LIFETIME = timedelta(hours=24)
#: How long a report can be read after its problem was reported.
REPORT_LIFETIME = timedelta(days=7)

#: An encoded payload and an encoded HMAC-SHA256.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,900}\.[A-Za-z0-9_-]{43}")


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
        return _digest(self.incident, str(self.asked), "person" if self.personal else "others", self.to)

    def expired(self, now: datetime) -> bool:
        return now >= self.expires


@dataclass(frozen=True)
class ReportLink:
    """What the token of a report says: which incident may be read, and until when. Nothing can be chosen with it."""

    incident: str
    expires: datetime

    @property
    def id(self) -> str:
        return _digest(self.incident, "report")

    def expired(self, now: datetime) -> bool:
        return now >= self.expires


def _digest(*parts: str) -> str:
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


class LinkKeys:
    """Signs and reads links. The first secret signs, and all of them are valid, so that one can be changed.

    Raises ConfigurationError that names the setting when a secret is no good, or the library is missing.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if Signer is None:
            raise ConfigurationError("the Python package itsdangerous is missing: pip install 'itsdangerous>=2.2'")
        for secret in secrets:
            check_secret(secret)
        if not secrets:
            raise ConfigurationError(f"self_healing_link_secrets is empty: {MAKE_ONE}")
        self._signer = _signer(secrets, SALT)
        self._reports = _signer(secrets, REPORT_SALT)
        self._binder = _signer(secrets[:1], BINDING_SALT)

    def token(self, link: Link) -> str:
        """Return the signed text of a link: characters of a path, below C(LONGEST_TOKEN)."""
        said = [link.incident, link.asked, link.to, int(link.personal), int(link.expires.timestamp())]
        return _signed(self._signer, said)

    def read(self, token: str) -> Link | None:
        """Return what a token says, also of one that is expired; None when nobody here has signed it."""
        said = _said(self._signer, token)
        if said is None:
            return None
        incident, asked, to, personal, expires = said
        return Link(incident, asked, to, bool(personal), datetime.fromtimestamp(expires, timezone.utc))

    def report_token(self, report: ReportLink) -> str:
        """Return the signed text of a link to a report."""
        return _signed(self._reports, [report.incident, int(report.expires.timestamp())])

    def read_report(self, token: str) -> ReportLink | None:
        """Return what the token of a report says, also of one that is expired; None when nobody here has signed it."""
        said = _said(self._reports, token)
        return None if said is None else ReportLink(said[0], datetime.fromtimestamp(said[1], timezone.utc))

    def bind(self, *parts: str) -> str:
        """Return a text that only the holder of the newest secret can make of these texts."""
        return self._binder.get_signature("\x00".join(parts)).decode("ascii")


def _signer(secrets: Sequence[str], salt: bytes) -> Signer:
    # The library signs with the last one of its list.
    keys = [secret.encode() for secret in reversed(secrets)]
    return Signer(keys, salt=salt, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)


def _signed(signer: Signer, said: Sequence[Any]) -> str:
    payload = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return signer.sign(_encoded(payload)).decode("ascii")


def _said(signer: Signer, token: str) -> Any:
    """Return what is signed with a token, None when it is not signed for this purpose."""
    if len(token) > LONGEST_TOKEN or not _TOKEN.fullmatch(token) or not _is_plain(token):
        return None
    try:
        payload = signer.unsign(token)
    except BadSignature:
        return None
    return json.loads(_decoded(payload))


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


def report_of(incident: Mapping[str, Any], lifetime: timedelta = REPORT_LIFETIME) -> ReportLink | None:
    """Return the link to the report of an incident (L(Incident.to_dict)), None for what is no incident.

    Its life begins when the problem was reported, or opened again, so that it is the same link whenever it is made.
    """
    begun = next((line for line in reversed(incident["timeline"]) if line["kind"] in ("detected", "reopened")), None)
    at = moment(begun["at"]) if begun else None
    if at is None or not INCIDENT_ID.fullmatch(str(incident["id"])):
        return None
    return ReportLink(str(incident["id"]), (at + lifetime).replace(microsecond=0))
