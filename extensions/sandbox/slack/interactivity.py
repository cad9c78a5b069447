# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a person presses a button in a message: the app is told, and may answer by the response_url.

The app is told through a socket where one is open, else by a signed request to its interactivity address. A payload
that is not taken within 3 seconds is lost, and the person sees a warning.
Sources: https://docs.slack.dev/interactivity/handling-user-interaction and
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from sandbox.settings import Settings

from . import markup
from .conversations import message_json
from .sockets import Sockets
from .wire import SlackError
from .workspace import APP_ID, BOT_ID, BOT_USER, TEAM_ID, Channel, Message, User, Workspace

#: How long Slack waits for the answer to a request of its own (seconds).
PATIENCE = 3.0
RESPONSE_USES = 5
RESPONSE_SECONDS = 1800.0


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a request, version 0."""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


@dataclass
class ResponseUrl:
    """Where the app may answer one press, some times and for some time."""

    channel: Channel
    message: str
    user: str
    made: float
    uses: int = 0


class Interactivity:
    """Presses and their answers. The switches are plain attributes."""

    def __init__(self, settings: Settings, workspace: Workspace, sockets: Sockets, changed: Callable[[], None]) -> None:
        self.settings = settings
        self.workspace = workspace
        self.sockets = sockets
        self._changed = changed
        #: How often one press is told, and how often an untaken one is repeated. Slack does neither for buttons.
        self.copies = 1
        self.retries = 0
        #: C(auto) (a socket where one is open, else HTTP), C(socket) or C(http).
        self.road = "auto"
        self.patience = PATIENCE
        #: How each press was taken.
        self.presses: list[dict[str, Any]] = []
        self._responses: dict[str, ResponseUrl] = {}

    async def press(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Press a button as a person: C({channel, person, button, ts?, confirmed?, stale?}).

        C(button) is its action_id or what it says. A button that asks for confirmation needs C(confirmed). C(stale)
        presses one that the person's screen still shows although the message has changed.
        """
        try:
            person = next((p for p in self.settings.people if p.key == arguments.get("person")), None)
            user = self.workspace.by_email(person.email if person else "")
            channel = self.workspace.channel(str(arguments.get("channel")), user)
            message, button = self._find(channel, arguments)
        except SlackError as error:
            return {"ok": False, "error": error.error}
        if channel.archived:
            return {"ok": False, "error": "is_archived"}
        if "confirm" in button and arguments.get("confirmed") is not True:
            return {"ok": False, "error": "needs_confirmation", "confirm": button["confirm"]}
        payload = self._payload(channel, message, button, user)
        taken = [await self._tell(payload) for _copy in range(self.copies)]
        self.presses.append({"person": user.real_name, "button": button.get("action_id"), "taken": taken})
        self._changed()
        result = {"taken": all(taken), "action_ts": payload["actions"][0]["action_ts"]}
        return (
            {"ok": True, **result} if all(taken) else {"ok": False, "error": "the app did not answer in time", **result}
        )

    def _find(self, channel: Channel, arguments: Mapping[str, Any]) -> tuple[Message, dict[str, Any]]:
        wanted = str(arguments.get("button"))
        for message in reversed(list(channel.messages.values())):
            if arguments.get("ts") not in (None, "", message.ts):
                continue
            known = message.buttons.values() if arguments.get("stale") else markup.buttons_of(message.blocks)
            for button in known:
                if wanted in (button.get("action_id"), button["text"]["text"], markup.unescape(button["text"]["text"])):
                    return message, button
        raise SlackError("no_such_button")

    def _payload(self, channel: Channel, message: Message, button: dict[str, Any], user: User) -> dict[str, Any]:
        action = {name: button[name] for name in ("action_id", "block_id", "value", "style", "text") if name in button}
        secret = secrets.token_urlsafe(18)
        self._responses[secret] = ResponseUrl(channel, message.ts, user.id, time.monotonic())
        return {
            "type": "block_actions",
            "api_app_id": APP_ID,
            "token": "deprecated",
            "team": {"id": TEAM_ID, "domain": "sandbox"},
            "enterprise": None,
            "is_enterprise_install": False,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
            "container": {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": False,
            },
            "trigger_id": f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}",
            "channel": {"id": channel.id, "name": channel.name},
            "message": message_json(channel, message, metadata=True),
            "state": {"values": {}},
            "response_url": f"{self.workspace.url}/actions/{TEAM_ID}/{len(self._responses)}/{secret}",
            "actions": [{"type": "button", **action, "action_ts": self.workspace.next_ts()}],
        }

    async def _tell(self, payload: Mapping[str, Any]) -> bool:
        if self.road == "socket" or (self.road == "auto" and self.sockets.open):
            return await self.sockets.deliver("interactive", payload, self.retries)
        for _attempt in range(self.retries + 1):
            if await self._post(payload):
                return True
        return False

    async def _post(self, payload: Mapping[str, Any]) -> bool:
        address = self.settings.slack_interactivity
        if address is None:
            return False
        body = urlencode({"payload": json.dumps(payload, ensure_ascii=False)}).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self.settings.slack_signing_secret, timestamp, body),
        }
        limit = aiohttp.ClientTimeout(total=self.patience)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(address, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Take what the app answers by a response_url."""
        response = self._responses.get(request.match_info["secret"])
        if response is None or request.match_info["team"] != TEAM_ID:
            return _refusal("invalid_url")
        if time.monotonic() - response.made > RESPONSE_SECONDS:
            return _refusal("expired_url")
        if response.uses >= RESPONSE_USES:
            return _refusal("used_url")
        try:
            said = await request.json()
            self._take(response, said if isinstance(said, dict) else {})
        except ValueError:
            return _refusal("invalid_payload", 500)
        except SlackError as error:
            return _refusal(error.error, 500)
        response.uses += 1
        self._changed()
        return web.Response(text="ok")

    def _take(self, response: ResponseUrl, said: Mapping[str, Any]) -> None:
        original = response.channel.messages.get(response.message)
        if said.get("delete_original") is True:
            if original is not None:
                del response.channel.messages[response.message]
            return
        text, blocks = str(said.get("text") or ""), markup.check_blocks(said.get("blocks"))
        if not text and not blocks:
            raise SlackError("no_text")
        stored = markup.stored(text)
        if said.get("replace_original") is True:
            if original is not None:
                original.text, original.blocks = stored, blocks
            return
        if said.get("response_type") == "in_channel":
            if response.channel.archived:
                raise SlackError("is_archived")
            message = Message(self.workspace.next_ts(), BOT_USER, stored, bot_id=BOT_ID, blocks=blocks)
            message.mentions = [*markup.mentions(stored), *markup.block_mentions(blocks)]
            self.workspace.add(response.channel, message)
            return
        self.workspace.whisper(response.channel, response.user, stored)


def _refusal(error: str, status: int = 404) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)
