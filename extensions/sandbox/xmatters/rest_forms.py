# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflow and its form, in the emulated xMatters' REST API: one handler per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from . import queries, wire
from .shapes import API, Wire

if TYPE_CHECKING:
    from .tool import XMatters

Handler = Callable[[web.Request], Awaitable[web.Response]]


class FormRest:
    """Handlers over the workflow that C(tool) has."""

    def __init__(self, tool: XMatters) -> None:
        self._workflow = tool.workflow

    def routes(self) -> list[web.AbstractRouteDef]:
        workflow = self._workflow
        plan, form = f"{API}/plans/{wire.PLAN['id']}", f"{API}/forms/{wire.FORM['id']}"
        nested = f"{plan}/forms/{wire.FORM['id']}"
        routes: list[web.AbstractRouteDef] = [
            web.get(f"{API}/plans", _listing(lambda: [workflow.plan()])),
            web.get(plan, _one(lambda _embed: workflow.plan())),
            web.get(f"{plan}/property-definitions", _listing(workflow.definitions)),
            web.get(f"{plan}/integrations", _listing(workflow.all_integrations)),
            web.get(f"{plan}/forms", _listing(lambda: [workflow.form(nested, [])])),
            web.get(f"{API}/forms", _listing(lambda: [workflow.form(form, [])])),
            web.get(form, _one(lambda embed: workflow.form(form, embed))),
            web.get(nested, _one(lambda embed: workflow.form(nested, embed))),
            web.get(f"{form}/sections", _listing(workflow.sections)),
        ]
        for path in (form, nested):
            routes += [
                web.get(f"{path}/response-options", _listing(workflow.response_options)),
                web.get(f"{path}/recipients", _listing(lambda: workflow.recipients)),
                web.get(f"{path}/sender-permissions", _listing(workflow.permissions)),
            ]
        return routes


def _one(make: Callable[[list[str]], Wire]) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(make(queries.words(request, "embed")))

    return answer


def _listing(make: Callable[[], list[Wire]]) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(wire.page(request, make()))

    return answer
