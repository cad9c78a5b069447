# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves what is behind a signed link: looking at it never does anything, and only the page's own button answers.

A link to a report has no button.

Mail gateways and chats open links, some with a browser that runs scripts. So C(GET) shows a page and sets a cookie, and
C(POST) counts only with that cookie, with the proof that the page holds, and from the page's own origin.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.self_healing.devops.plugins.module_utils.answer_round import choice_key
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError, UnknownIncidentError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer, Incident, moment, storable
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import (
    Link,
    LinkKeys,
    ReportLink,
    plain_name,
    report_of,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_page import (
    LONGEST_COMMENT,
    LONGEST_NAME,
    Form,
    form_page,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import RETRY_AFTER, Inbound, Reply
from ansible_collections.self_healing.devops.plugins.plugin_utils.pages import HEADERS, told_page
from ansible_collections.self_healing.devops.plugins.plugin_utils.report_page import report_page
from ansible_collections.self_healing.devops.plugins.plugin_utils.throttle import Throttle, sender
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

LOGGER = logging.getLogger(__name__)

CHANNEL = "link"
MAX_BODY = 16 * 1024
#: What cannot be undone may be chosen with a link for so long after it was asked.
DESTRUCTIVE_FOR = timedelta(minutes=15)
#: People whose names the page offers.
MOST_NAMES = 20

_GONE = told_page(
    "This link does not work",
    "It is wrong or its time is over, or somebody has chosen already. The chat and the ticket say how it stands.",
)
_STATUS = {"answered": 200, "acknowledged": 200, "approved": 200, "refused": 403, "unknown_incident": 404}
_TITLE = {
    "answered": "Recorded",
    "acknowledged": "Recorded",
    "approved": "Recorded",
    "late": "Too late",
    "duplicate": "Recorded already",
    "refused": "Not possible",
}


class LinkAnswers:
    """Answers by signed links. C(url) is the address below which they lead here, as browsers see it."""

    def __init__(self, desk: Desk, keys: LinkKeys, url: str, now: Callable[[], datetime] = utc_now) -> None:
        self._desk = desk
        self._keys = keys
        self._now = now
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}".casefold()
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        #: Attempts with what is no link of ours. A link that works is never refused because of others' attempts.
        self._strangers = Throttle(capacity=30, per_second=0.5)
        self._per_link = Throttle(capacity=60, per_second=1)

    async def handle(self, inbound: Inbound) -> Reply:
        """Answer one request. What is wrong, expired, used up or unknown looks all the same."""
        link = self._keys.read(inbound.name) or self._keys.read_report(inbound.name)
        if link is None or link.expired(self._now()):
            return self._gone(inbound)
        if not self._per_link.allows(link.id, time.monotonic()):
            return _page(429, told_page("Too many requests", "Please wait a moment, and try again."), _WAIT)
        try:
            incident = await asyncio.to_thread(self._desk.journal.read, link.incident)
            if isinstance(link, ReportLink):
                return self._report(inbound, incident)
            if inbound.method == "POST":
                return await self._answer(inbound, link, incident)
        except UnknownIncidentError:
            return self._gone(inbound)
        except JournalError as error:
            vitals().journal_failed()
            LOGGER.error("link %s: cannot be served now: %s", link.id, error.message)
            text = "Nothing was recorded: the journal cannot be reached. Please try again in a moment."
            return _page(503, told_page("Not now", text), {"Retry-After": RETRY_AFTER})
        return self._show(inbound, link, incident)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _show(self, inbound: Inbound, link: Link, incident: Incident, problem: str = "") -> Reply:
        record = incident.to_dict()
        known = self._nonce(inbound, link)
        if not _asks(record, link):
            if known is None:
                return self._gone(inbound)
            return _page(410, told_page("Nothing to choose", _how(record), self._report_address(record)))
        nonce = known or secrets.token_urlsafe(24)
        form = self._form(link, record, self._proof(link, nonce))
        headers = {} if known else {"Set-Cookie": self._set_cookie(link, inbound.name, nonce)}
        return _page(400 if problem else 200, form_page(form, problem), headers)

    def _report(self, inbound: Inbound, incident: Incident) -> Reply:
        if inbound.method == "POST":
            text = "This is a report: it is only read."
            return _page(405, told_page("Nothing to choose", text), {"Allow": "GET, HEAD"})
        return _page(200, report_page(incident.to_dict(), self._now()))

    def _report_address(self, record: Mapping[str, Any]) -> str:
        """Return the address of the report, as it is from a page of ours."""
        report = report_of(record)
        return self._keys.report_token(report) if report else ""

    def _form(self, link: Link, record: Mapping[str, Any], proof: str) -> Form:
        offered = record["offered"]
        too_late = self._now() > _asked_at(record, link) + DESTRUCTIVE_FOR

        def fits(option: Mapping[str, Any]) -> bool:
            if not link.personal and _needs_somebody_known(option):
                return False
            return not (option.get("destructive") and too_late)

        options = [option for option in offered if fits(option)]
        typed = (option["name"] for option in options if option.get("destructive") and _approvals(option) < 2)
        return Form(
            incident=record,
            to=link.to,
            personal=link.personal,
            options=options,
            elsewhere=[option for option in offered if not fits(option)],
            confirm=frozenset(typed) if record["target"] else frozenset(),
            names=[] if link.personal else [str(one["name"]) for one in record["responders"]][:MOST_NAMES],
            proof=proof,
        )

    def _gone(self, inbound: Inbound) -> Reply:
        if not self._strangers.allows(sender(inbound.peer, inbound.headers), time.monotonic()):
            return _page(429, _GONE, _WAIT)
        return _page(404, _GONE)

    # -- answering ----------------------------------------------------------------------------------------------------

    async def _answer(self, inbound: Inbound, link: Link, incident: Incident) -> Reply:
        fields = _fields(inbound)
        nonce = self._nonce(inbound, link)
        proved = nonce is not None and _equal(fields.get("proof", ""), self._proof(link, nonce))
        record = incident.to_dict()
        if not proved or not self._is_own(inbound.headers):
            if not _asks(record, link):
                return self._gone(inbound)
            who = sender(inbound.peer, inbound.headers)
            LOGGER.warning("link %s: a post without the proof of the page, from %s", link.id, who)
            text = "Nothing was recorded. Open the link in a browser that takes cookies, and press the button there."
            return _page(403, told_page("Please open the link again", text))
        option = incident.option(fields.get("option", ""))
        who = link.to if link.personal else _name(fields)
        if option is None or not who:
            return self._show(inbound, link, incident, "Please choose one of the options." if who else _WHO)
        if _asks(record, link):
            problem = self._missing(self._form(link, record, ""), option, fields)
            if problem:
                return self._show(inbound, link, incident, problem)
        given = Answer(
            channel=CHANNEL,
            alert_id=link.id,
            incident_id=link.incident,
            responder=who if link.personal else f"{who} (link sent to {link.to})",
            choice=str(option["name"]),
            comment=storable(fields.get("comment", "").strip())[:LONGEST_COMMENT] or None,
            at=self._now(),
            key=choice_key(incident, link.id, str(option["name"])),
            person_id=link.to if link.personal else None,
            email=_email(incident, link),
            vouched=True,
            asked=link.asked,
        )
        recorded = await self._desk.record(given)
        LOGGER.info("link %s: %s, from %s", link.id, recorded.change, sender(inbound.peer, inbound.headers))
        if recorded.change == "unknown_incident":
            return self._gone(inbound)
        text = recorded.text or f"{who} chose {option['label']}"
        title = _TITLE.get(recorded.change, "Not recorded")
        return _page(_STATUS.get(recorded.change, 409), told_page(title, text, self._report_address(record)))

    @staticmethod
    def _missing(form: Form, option: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
        """Return what keeps an option from being chosen with this form, None when nothing does."""
        if all(offered["name"] != option["name"] for offered in form.options):
            return f"'{option['label']}' cannot be chosen here."
        typed = fields.get(f"confirm-{option['name']}", "").strip()
        if option["name"] in form.confirm and typed != form.incident["target"]:
            return f"To choose '{option['label']}', type the name of the host above its button."
        return None

    # -- the cookie and the proof -------------------------------------------------------------------------------------

    def _proof(self, link: Link, nonce: str) -> str:
        return self._keys.bind("proof", link.id, nonce)

    def _cookie_name(self, link: Link) -> str:
        return f"{'__Secure-' if self._secure else ''}self-healing-{link.id[:12]}"

    def _set_cookie(self, link: Link, name: str, nonce: str) -> str:
        # For this page alone: whoever opens many links a day brings one cookie with each. What another host of the
        # domain sets is of no use, since the value is bound to the link by our key.
        value = f"{nonce}.{self._keys.bind('cookie', link.id, nonce)}"
        seconds = max(1, int((link.expires - self._now()).total_seconds()))
        flags = f"Path={self._path}/{name}; Max-Age={seconds}; HttpOnly; SameSite=Strict"
        return f"{self._cookie_name(link)}={value}; {flags}{'; Secure' if self._secure else ''}"

    def _nonce(self, inbound: Inbound, link: Link) -> str | None:
        """Return what the page's proof is bound to, of the cookie that it has set; None where that is not ours."""
        jar = SimpleCookie()
        try:
            jar.load(inbound.headers.get("Cookie", "")[:4096])
        except CookieError:
            return None
        morsel = jar.get(self._cookie_name(link))
        nonce, _dot, bound = (morsel.value if morsel else "").partition(".")
        return nonce if nonce and _equal(bound, self._keys.bind("cookie", link.id, nonce)) else None

    def _is_own(self, headers: Mapping[str, str]) -> bool:
        """Whether a post comes from our own page, as far as the browser tells.

        Where no referrer may be sent, browsers send the origin C(null) with forms.
        """
        site, origin = headers.get("Sec-Fetch-Site", "same-origin"), headers.get("Origin", "null")
        return site == "same-origin" and origin.casefold() in ("null", self._origin)


_WAIT = {"Retry-After": "60"}
_WHO = "Please say who you are."


def _asks(record: Mapping[str, Any], link: Link) -> bool:
    """Whether the question of the link is still the one that is asked."""
    return record["asked"] == link.asked and bool(record["offered"])


def _asked_at(record: Mapping[str, Any], link: Link) -> datetime:
    at = next((moment(entry["at"]) for entry in record["timeline"] if entry["n"] == link.asked), None)
    return at or link.expires


def _needs_somebody_known(option: Mapping[str, Any]) -> bool:
    return bool(option.get("destructive") or option.get("people")) or _approvals(option) > 1


def _approvals(option: Mapping[str, Any]) -> int:
    return int(option.get("approvals") or 1)


def _how(record: Mapping[str, Any]) -> str:
    answer = record["answer"]
    if not answer:
        return f"The incident is {record['state']}."
    return f"{answer['responder']} chose '{answer['label']}' on {answer['channel']}. The incident is {record['state']}."


def _email(incident: Incident, link: Link) -> str | None:
    """Return the address of the one person to whom the link was sent, as the pager knows it."""
    if not link.personal:
        return None
    return next((one.get("email") for one in incident.responders() if one["name"] == link.to), None)


def _fields(inbound: Inbound) -> dict[str, str]:
    """Return the fields of the form, of each the first one; nothing for any other kind of body."""
    kind = inbound.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    try:
        pairs = parse_qsl(inbound.body.decode("ascii"), keep_blank_values=True, max_num_fields=40)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _name(fields: Mapping[str, str]) -> str:
    """Return who somebody says to be: chosen from the list, or typed."""
    return plain_name(fields.get("who", "").strip() or fields.get("name", ""), LONGEST_NAME)


def _equal(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _page(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, headers={**HEADERS, **(headers or {})}, text=text)
