# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what Slack sends when somebody pressed a button. Pure: no input or output.

The same payload comes by HTTP, as the field C(payload) of a form, and through a socket, in an envelope.
Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer
from ansible_collections.self_healing.devops.plugins.module_utils.slack_buttons import ACTION, Choice
from ansible_collections.self_healing.devops.plugins.module_utils.slack_text import clean
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json

CHANNEL = "slack"
#: Where Slack lets apps answer a press, by the host of its Web API.
HOOKS = {"slack-gov.com": "hooks.slack-gov.com"}
_ID = re.compile(r"[A-Z][A-Z0-9]{1,39}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_LONGEST_NAME = 200
_LONGEST_URL = 2000


@dataclass(frozen=True)
class Press:
    """Somebody pressed one of our buttons. C(response_url) is a secret of this press: who has it may answer for us."""

    team: str
    app: str
    channel: str
    message: str
    user: str
    user_name: str
    user_team: str | None
    action_ts: str
    choice: Choice
    response_url: str | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """Return what stays the same when Slack tells of this press again."""
        return f"{self.channel}:{self.message}:{self.choice.action_id}:{self.action_ts}"


def payload_of(body: bytes) -> Any:
    """Return the payload of a request body: the field C(payload) of a form. Raises InvalidInputError."""
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        raise InvalidInputError("the body must be a form in UTF-8 with the field payload") from None
    payloads = [value for name, value in fields if name == "payload"]
    if len(payloads) != 1:
        raise InvalidInputError("the form must have the field payload once; only interactivity belongs on this path")
    return parse_json(payloads[0].encode("utf-8", "surrogatepass"), "payload")


def to_press(payload: Any) -> Press | None:
    """Return the press in a payload; None when it is about something else, such as the button of another app.

    Raises InvalidInputError that names the field which is missing or wrong.
    """
    if not isinstance(payload, Mapping):
        raise InvalidInputError("payload must be a JSON object")
    if payload.get("type") != "block_actions":
        return None
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], Mapping):
        raise InvalidInputError("actions must have exactly one action")
    [action] = actions
    name = action.get("action_id")
    if not isinstance(name, str) or not name.startswith(ACTION):
        return None
    choice = Choice.of(action.get("value"))
    if choice is None or choice.action_id != name:
        raise InvalidInputError("actions[0].value is not the value of one of our buttons")
    user = _object(payload, "user")
    return Press(
        team=_id(_object(payload, "team"), "team", "id"),
        app=_id(payload, "payload", "api_app_id"),
        channel=_id(_object(payload, "channel"), "channel", "id"),
        message=_ts(_object(payload, "container"), "container", "message_ts"),
        user=_id(user, "user", "id"),
        user_name=_name(user),
        user_team=_id(user, "user", "team_id") if user.get("team_id") is not None else None,
        action_ts=_ts(action, "actions[0]", "action_ts"),
        choice=choice,
        response_url=_address(payload.get("response_url")),
    )


def to_answer(press: Press, user: User | None) -> Answer:
    """Return the answer that a press is. C(user) is who pressed, as Slack's directory has them, None if it has nobody.

    The e-mail address counts only for people of this workspace: whoever shares a channel with us from elsewhere brings
    an address that somebody else has vouched for.
    """
    ours = user is not None and user.team == press.team and press.user_team in (None, press.team)
    known = user is not None and ours and user.is_person and user.email_confirmed
    seconds, _dot, micros = press.action_ts.partition(".")
    name = clean(user.name if user is not None else press.user_name).strip()[:_LONGEST_NAME]
    return Answer(
        channel=CHANNEL,
        alert_id=press.channel,
        incident_id=press.choice.incident,
        responder=name or press.user,
        choice=press.choice.option,
        comment=None,
        at=_moment(int(seconds), int(micros.ljust(6, "0")[:6])),
        key=press.key,
        person_id=press.user,
        email=user.email if user is not None and known else None,
        asked=press.choice.asked,
    )


def may_answer_at(address: str, api_url: str) -> bool:
    """Return whether a response_url is one of Slack: nothing else is ever called.

    C(api_url) is the configured address of Slack; an address of the same origin is fine, too.
    """
    try:
        parts, ours = urlsplit(address), urlsplit(api_url)
        origin, own_origin = (parts.scheme, parts.hostname, parts.port), (ours.scheme, ours.hostname, ours.port)
    except ValueError:
        return False
    if "@" in parts.netloc or "\\" in address or not parts.hostname:
        return False
    return origin == own_origin or (
        parts.scheme == "https" and parts.netloc == HOOKS.get(ours.hostname or "", "hooks.slack.com")
    )


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{name} is missing or no object")
    return value


def _id(data: Mapping[str, Any], where: str, name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise InvalidInputError(f"{where}.{name} is missing or no id of Slack")
    return value


def _ts(data: Mapping[str, Any], where: str, name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.isascii() or not _TS.fullmatch(value):
        raise InvalidInputError(f"{where}.{name} is missing or no time stamp of Slack")
    return value


def _name(user: Mapping[str, Any]) -> str:
    value = user.get("name") or user.get("username")
    return value[:_LONGEST_NAME] if isinstance(value, str) else ""


def _address(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_URL and value.isascii() else None


def _moment(seconds: int, micros: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=micros)
    except (ValueError, OverflowError, OSError):
        return None
