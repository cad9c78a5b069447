# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources about attachments."""

from __future__ import annotations

import hmac
import mimetypes
from typing import Any

from aiohttp import BodyPartReader, web

from .answers import RefusedError, hidden
from .catalogue import ATTACHMENT_LIMIT, FILES_PER_CALL
from .site import Site
from .store import Attachment, Issue
from .wire import stamp

TOO_LARGE = "The file is larger than the limit of {} bytes."


class Files:
    """Handlers of C(/issue/{issue}/attachments), C(/attachment) and the addresses that give the content."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def upload(self, request: web.Request) -> web.Response:
        # Browsers cannot send this header across sites: without it the call may be a forgery.
        if request.headers.get("X-Atlassian-Token", "").lower() not in ("no-check", "nocheck"):
            return web.Response(status=403, text="XSRF check failed")
        issue = self._site.issue(request)
        if not request.content_type.startswith("multipart/form-data"):
            raise web.HTTPUnsupportedMediaType(reason=request.content_type)
        files = await _parts(request)
        author = self._site.author(request)
        made = [self._site.store.attach(issue, author, *file) for file in files]
        self._site.touched(issue)
        wire = self._site.wire(request)
        return web.json_response([wire.attachment(attachment) for attachment in made])

    async def settings(self, request: web.Request) -> web.Response:
        return web.json_response({"enabled": True, "uploadLimit": ATTACHMENT_LIMIT})

    async def read(self, request: web.Request) -> web.Response:
        _issue, attachment = self._attachment(request)
        wire = self._site.wire(request)
        body: dict[str, Any] = wire.attachment(attachment)
        body |= {"id": attachment.id, "created": stamp(attachment.created), "properties": {}}
        return web.json_response(body)

    async def delete(self, request: web.Request) -> web.Response:
        issue, attachment = self._attachment(request)
        issue.attachments.remove(attachment)
        self._site.touched(issue)
        return web.Response(status=204)

    async def content(self, request: web.Request) -> web.Response:
        """Send the caller to the signed address, or give the content when C(redirect=false) is asked for."""
        _issue, attachment = self._attachment(request)
        if request.query.get("redirect", "true").lower() == "false":
            return _content(attachment)
        return web.Response(status=303, headers={"Location": self._site.signed_url(attachment)})

    async def secure(self, request: web.Request) -> web.Response:
        """Answer the address where Data Center keeps the content."""
        if self._site.cloud:
            raise web.HTTPNotFound
        _issue, attachment = self._attachment(request)
        return _content(attachment)

    async def media(self, request: web.Request) -> web.Response:
        """Answer the signed address. It needs no credentials."""
        reference = request.match_info["attachment"]
        found = self._site.store.find_attachment(reference)
        if found is None or not hmac.compare_digest(request.query.get("token", ""), self._site.signature(reference)):
            raise web.HTTPForbidden(text="The signature is not valid.")
        return _content(found[1])

    def _attachment(self, request: web.Request) -> tuple[Issue, Attachment]:
        if self._site.caller(request) is None:
            hidden()
        reference = request.match_info["attachment"]
        found = self._site.store.find_attachment(reference)
        if found is None:
            raise RefusedError(404, f"The attachment with id '{reference}' does not exist")
        return found


async def _parts(request: web.Request) -> list[tuple[str, str, bytes]]:
    """Return C((name, type, content)) of every file. As in Jira, no transfer encoding is decoded."""
    files = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name != "file" or not part.filename:
            continue
        content = bytes(await part.read(decode=False))
        if len(content) > ATTACHMENT_LIMIT:
            raise RefusedError(413, TOO_LARGE.format(ATTACHMENT_LIMIT))
        given = part.headers.get("Content-Type", "application/octet-stream").split(";")[0]
        guessed = mimetypes.guess_type(part.filename)[0] if given == "application/octet-stream" else None
        files.append((part.filename, guessed or given, content))
    if not files or len(files) > FILES_PER_CALL:
        raise RefusedError(400, "No file was sent in a part that is called 'file', or too many.")
    return files


def _content(attachment: Attachment) -> web.Response:
    # Shown as text or stored, never run: the content is somebody else's.
    quoted = attachment.name.replace("\\", "").replace('"', "")
    headers = {
        "Content-Disposition": f'attachment; filename="{quoted}"'.encode("ascii", "replace").decode(),
        "X-Content-Type-Options": "nosniff",
        "Content-Type": attachment.mime_type,
    }
    return web.Response(body=attachment.content, headers=headers)
