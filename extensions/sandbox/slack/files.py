# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the three steps that Slack asks for: get an address, send the bytes there, complete."""

from __future__ import annotations

import mimetypes
import secrets
from typing import Any

from aiohttp import web

from . import markup
from .wire import Answer, Call, SlackError, invalid_arguments, method
from .workspace import Message, Workspace


@method("files.getUploadURLExternal", ("files:write",), json=False)
def upload_address(workspace: Workspace, call: Call) -> Answer:
    name = call.required("filename")
    if not call.text("length").isdigit():
        raise invalid_arguments("length must be a number")
    if int(call.text("length")) == 0:
        raise SlackError("missing_argument")
    file = _new_file(workspace, name, int(call.text("length")), call.user.id)
    workspace.files[file["id"]] = {
        "json": file,
        "ticket": secrets.token_urlsafe(12),
        "content": None,
        "complete": False,
    }
    return {"upload_url": f"{workspace.url}/upload/v1/{workspace.files[file['id']]['ticket']}", "file_id": file["id"]}


async def receive(workspace: Workspace, request: web.Request) -> web.Response:
    """Take the bytes of one file, raw or as the multipart field C(file). No token is asked for."""
    entry = next((e for e in workspace.files.values() if e["ticket"] == request.match_info["ticket"]), None)
    if entry is None or entry["complete"]:
        return web.Response(status=404, text="not found")
    if request.content_type == "multipart/form-data":
        sent = (await request.post()).get("file")
        if not isinstance(sent, web.FileField):
            return web.Response(status=400, text="no file")
        content = sent.file.read()
    else:
        content = await request.read()
    if len(content) != entry["json"]["size"]:
        return web.Response(status=400, text=f"expected {entry['json']['size']} bytes, got {len(content)}")
    entry["content"] = content
    return web.Response(text=f"OK - {len(content)}")


@method("files.completeUploadExternal", ("files:write",))
def complete(workspace: Workspace, call: Call) -> Answer:
    listed = call.nested("files", "invalid_arguments")
    if not isinstance(listed, list) or not listed or not all(isinstance(item, dict) for item in listed):
        raise invalid_arguments("files must be a list of {id, title}")
    entries = [workspace.files.get(str(item.get("id"))) for item in listed]
    if any(entry is None or entry["content"] is None or entry["complete"] for entry in entries):
        raise SlackError("file_not_found")
    references = call.names("channels") or ([call.text("channel_id")] if call.has("channel_id") else [])
    channels = [workspace.channel(reference, call.user) for reference in references]
    if any(call.user.id not in channel.members for channel in channels):
        raise SlackError("not_in_channel")
    files: list[dict[str, Any]] = []
    for entry, item in zip((entry for entry in entries if entry), listed, strict=True):
        entry["complete"] = True
        entry["json"]["title"] = item.get("title") or entry["json"]["name"]
        files.append(entry["json"])
    for channel in channels:
        text = markup.stored(call.text("initial_comment"))
        message = Message(workspace.next_ts(), call.user.id, text, bot_id=call.user.bot_id, files=files)
        message.mentions = markup.mentions(text)
        message.thread_ts = call.text("thread_ts") or None
        workspace.add(channel, message)
    return {"files": [{"id": file["id"], "title": file["title"]} for file in files]}


@method("files.info", ("files:read",), json=False, writes=False)
def info(workspace: Workspace, call: Call) -> Answer:
    entry = workspace.files.get(call.required("file"))
    if entry is None or not entry["complete"]:
        raise SlackError("file_not_found")
    return {"file": entry["json"], "comments": [], "response_metadata": {"next_cursor": ""}}


def _new_file(workspace: Workspace, name: str, size: int, user: str) -> dict[str, Any]:
    identity = workspace.next_id("F")
    address = f"{workspace.url}/files-pri/{identity}"
    return {
        "id": identity,
        "created": workspace.now(),
        "timestamp": workspace.now(),
        "name": name,
        "title": name,
        "mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "filetype": name.rpartition(".")[2].lower() or "binary",
        "user": user,
        "size": size,
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "url_private": address,
        "url_private_download": address,
        "permalink": f"{workspace.url}/files/{user}/{identity}",
        "file_access": "visible",
    }
