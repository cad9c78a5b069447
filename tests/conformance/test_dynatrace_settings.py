# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module dynatrace_notification writes is what the third-party client dt reads, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from ansible_collections.self_healing.devops.plugins.modules import dynatrace_notification
from ansible_collections.self_healing.devops.plugins.plugin_utils import dynatrace_inventory
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.world import Entity
from support.one_tool import OneTool, start_tool
from support.tree import ROOT

dt = pytest.importorskip("dynatrace", reason="the package dt is not installed")
from dynatrace.environment_v2.settings import SettingsObjectUpdate  # noqa: E402

SCHEMA = "builtin:problem.notifications"
SPEC = ROOT.parent / "shared" / "specs" / "dynatrace-env-v2-subset.derived.openapi.yaml"


@pytest.fixture
def tenant() -> Iterator[OneTool[Dynatrace]]:
    with start_tool(Dynatrace) as running:
        yield running


def run(tenant: OneTool[Dynatrace]) -> dict[str, Any]:
    given = {
        "dynatrace_url": tenant.url,
        "dynatrace_token": tenant.settings.dynatrace_token,
        "webhook_url": "https://eda.example.com/dynatrace",
        "dynatrace_webhook_token": "s3cret",
    }
    checked = ArgumentSpecValidator(dynatrace_notification.SPEC.options).validate(given)
    return dynatrace_notification.run(checked.validated_parameters, False, RequestsTransport())


def test_dt_reads_the_notification_and_what_it_changes_is_put_right(tenant: OneTool[Dynatrace]) -> None:
    client = dt.Dynatrace(tenant.url, tenant.settings.dynatrace_token)
    made = run(tenant)
    [listed] = client.settings.list_objects(schema_id=SCHEMA, scope="environment")
    assert (listed.object_id, listed.value["displayName"]) == (made["id"], "self-healing")
    # The masked secret is sent back, which leaves it as it is.
    client.settings.update_object(made["id"], SettingsObjectUpdate({**listed.value, "enabled": False}))
    [kept] = tenant.tool.settings_api.notifications()
    secrets = [header.get("secretValue") for header in kept.value["webHookNotification"]["headers"]]
    assert (kept.value["enabled"], secrets[0]) == (False, "Bearer s3cret")
    assert run(tenant)["changed"] is True
    assert client.settings.get_object(made["id"]).value["enabled"] is True
    assert run(tenant)["changed"] is False


class Recording(RequestsTransport):
    """Remembers the queries that were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []

    def send(self, request: Request, timeout: float) -> Response:
        self.asked.append(set(parse_qs(urlsplit(request.url).query)))
        return super().send(request, timeout)


@pytest.mark.skipif(not SPEC.exists(), reason="the description of the Environment API is not on this machine")
def test_the_inventory_asks_for_entities_as_the_api_describes_it(tenant: OneTool[Dynatrace]) -> None:
    spec = yaml.safe_load(SPEC.read_text("utf-8"))
    known = {parameter["name"] for parameter in spec["paths"]["/entities"]["get"]["parameters"]}
    for number in (1, 2):
        tenant.tool.world.add(Entity(f"HOST-{number:016X}", f"web-{number:02}"))
    transport = Recording()
    client = DynatraceClient(tenant.url, tenant.settings.dynatrace_token, transport)
    assert len(dynatrace_inventory.read(client, dynatrace_inventory.HOST_TYPE, True)) == 2
    assert len(transport.asked) == 2
    assert set().union(*transport.asked) <= known
