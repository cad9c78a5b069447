# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who, and who connects: apps.connections.open, auth.test, users.*, usergroups.*, team.info, bots.info."""

from __future__ import annotations

import re

from .sockets import new_ticket
from .wire import Answer, Call, SlackError, method, page
from .workspace import APP_ID, TEAM_ID, Workspace

TEAM_NAME = "Sandbox"


@method("api.test", writes=False)
def api_test(workspace: Workspace, call: Call) -> Answer:
    if call.has("error"):
        raise SlackError(call.text("error"), args=call.arguments)
    return {"args": call.arguments}


@method("auth.test", writes=False)
def auth_test(workspace: Workspace, call: Call) -> Answer:
    answer: Answer = {
        "url": f"{workspace.url}/",
        "team": TEAM_NAME,
        "user": call.user.name,
        "team_id": TEAM_ID,
        "user_id": call.user.id,
        "is_enterprise_install": False,
    }
    return {**answer, "bot_id": call.user.bot_id} if call.user.bot_id else answer


@method("apps.connections.open", writes=False)
def open_connection(workspace: Workspace, call: Call) -> Answer:
    return {"url": new_ticket(workspace)}


@method("users.lookupByEmail", ("users:read.email",), json=False, writes=False)
def lookup_by_email(workspace: Workspace, call: Call) -> Answer:
    return {"user": workspace.by_email(call.required("email")).to_json()}


@method("users.info", ("users:read",), json=False, writes=False)
def user_info(workspace: Workspace, call: Call) -> Answer:
    return {"user": workspace.user(call.required("user")).to_json()}


@method("users.list", ("users:read",), json=False, writes=False)
def list_users(workspace: Workspace, call: Call) -> Answer:
    shown, cursor = page(call, list(workspace.users.values()), lambda user: user.id, call.limit(200, 999))
    return {
        "members": [user.to_json() for user in shown],
        "cache_ts": workspace.now(),
        "response_metadata": {"next_cursor": cursor},
    }


@method("bots.info", ("users:read",), json=False, writes=False)
def bot_info(workspace: Workspace, call: Call) -> Answer:
    wanted = call.required("bot")
    for user in workspace.users.values():
        if user.bot_id == wanted:
            shown = {"id": wanted, "deleted": False, "name": user.real_name, "updated": 1_795_000_000}
            return {"bot": {**shown, "app_id": APP_ID, "user_id": user.id, "icons": {}}}
    raise SlackError("bot_not_found")


@method("team.info", ("team:read",), writes=False)
def team_info(workspace: Workspace, call: Call) -> Answer:
    if call.text("team", TEAM_ID) != TEAM_ID:
        raise SlackError("team_not_found")
    icon = {"image_default": True}
    return {"team": {"id": TEAM_ID, "name": TEAM_NAME, "domain": "sandbox", "email_domain": "", "icon": icon}}


@method("usergroups.list", ("usergroups:read",), json=False, writes=False)
def list_groups(workspace: Workspace, call: Call) -> Answer:
    """Return the one group that the settings name, with everybody in it."""
    name = workspace.settings.group
    people = [user.id for user in workspace.users.values() if user.bot_id is None]
    group = {
        "id": "S0SANDBOX1",
        "team_id": TEAM_ID,
        "is_usergroup": True,
        "name": name,
        "description": "",
        "handle": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        "is_external": False,
        "date_create": 1_795_000_000,
        "date_update": 1_795_000_000,
        "date_delete": 0,
        "auto_type": None,
        "created_by": people[0] if people else "USLACKBOT",
        "updated_by": people[0] if people else "USLACKBOT",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
    }
    if call.flag("include_count"):
        group["user_count"] = len(people)
    if call.flag("include_users"):
        group["users"] = people
    return {"usergroups": [group]}
