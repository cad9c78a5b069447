# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module dynatrace_notification against the emulated Dynatrace, over HTTP, and the playbook that calls it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import dynatrace_notification as keeping
from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace_settings
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from ansible_collections.self_healing.devops.plugins.modules import dynatrace_notification
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.notification import PAYLOAD
from sandbox.dynatrace.settings_api import DEFAULT_PROFILE, SettingsObject
from support.one_tool import OneTool, start_tool
from support.playbook import LOCAL, run_playbook
from support.tree import ROOT

Running = OneTool[Dynatrace]
SECRET = "w3bh00k-s3cret"
URL = "https://eda.example.com/dynatrace"
OBJECTS = "/settings/objects$"
JOIN = {"name": "Join the tool chain", "ansible.builtin.group_by": {"key": "toolchain"}}


@pytest.fixture
def tenant() -> Iterator[Running]:
    with start_tool(Dynatrace) as running:
        yield running


def run(
    tenant: Running, check_mode: bool = False, transport: RequestsTransport | None = None, **changes: Any
) -> dict[str, Any]:
    given = {
        "dynatrace_url": tenant.url,
        "dynatrace_token": tenant.settings.dynatrace_token,
        "webhook_url": URL,
        "dynatrace_webhook_token": SECRET,
        **changes,
    }
    spec = dynatrace_notification.SPEC
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(given)
    assert not checked.error_messages
    result = dynatrace_notification.run(checked.validated_parameters, check_mode, transport or RequestsTransport())
    assert not secrets_in(result)
    return result


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessing a secret is slow, and so is every run."""
    monkeypatch.setattr(keeping, "_ROUNDS", 1)


def secrets_in(what: Any) -> bool:
    pair = base64.b64encode(f"eda:{SECRET}".encode()).decode()
    return any(secret in json.dumps(what) for secret in (SECRET, pair))


def kept(tenant: Running) -> list[SettingsObject]:
    return tenant.tool.settings_api.notifications()


def hook(tenant: Running) -> dict[str, Any]:
    [known] = kept(tenant)
    found: dict[str, Any] = known.value["webHookNotification"]
    return found


def headers(tenant: Running) -> dict[str, str]:
    return {header["name"]: header.get("secretValue") or header["value"] for header in hook(tenant)["headers"]}


def methods(tenant: Running) -> list[str]:
    return [method for _tool, method, _path in tenant.faults.requests]


class Losing(RequestsTransport):
    """Loses the answer to a write: before it arrives there, or after it was carried out."""

    def __init__(self, carried_out: bool) -> None:
        super().__init__()
        self.carried_out = carried_out

    def send(self, request: Request, timeout: float) -> Response:
        if request.method == "GET" or "validateOnly" in request.url:
            return super().send(request, timeout)
        if self.carried_out:
            super().send(request, timeout)
        raise UnclearOutcomeError("the connection was closed without an answer")


def change(tenant: Running, **changes: Any) -> None:
    """Change the notification as somebody on the vendor's page would."""
    [known] = kept(tenant)
    known.value = {**known.value, **changes}


def test_the_notification_is_made_as_the_event_source_needs_it(tenant: Running) -> None:
    result = run(tenant)
    [known] = kept(tenant)
    [profile] = [one for one in tenant.tool.settings_api.objects.values() if one.value.get("name") == DEFAULT_PROFILE]
    assert (result["changed"], result["id"], result["alerting_profile"]) == (True, known.id, profile.id)
    assert result["diff"]["before"] == {}
    assert (known.value["enabled"], known.value["displayName"]) == (True, "self-healing")
    assert known.value["alertingProfile"] == profile.id
    assert (hook(tenant)["url"], hook(tenant)["notifyClosedProblems"]) == (URL, True)
    assert hook(tenant)["payload"] == PAYLOAD
    assert headers(tenant)["Authorization"] == f"Bearer {SECRET}"
    assert [target.url for target in tenant.tool.targets()] == [URL]


def test_a_second_run_changes_nothing_and_asks_for_nothing_to_be_checked(tenant: Running) -> None:
    first = run(tenant)
    before = len(tenant.faults.requests)
    second = run(tenant)
    assert (second["changed"], second["id"]) == (False, first["id"])
    assert set(methods(tenant)[before:]) == {"GET"}
    assert len(kept(tenant)) == 1


def test_check_mode_has_it_checked_and_keeps_nothing(tenant: Running) -> None:
    result = run(tenant, check_mode=True)
    assert (result["changed"], result["id"], kept(tenant)) == (True, "", [])
    assert methods(tenant).count("POST") == 1
    with pytest.raises(ApiError, match="must not be blank"):
        run(tenant, check_mode=True, name=" ")
    run(tenant)
    assert run(tenant, check_mode=True, enabled=False)["changed"] is True
    assert kept(tenant)[0].value["enabled"] is True


@pytest.mark.parametrize(
    "drift",
    [
        {"enabled": False},
        {"alertingProfile": "another"},
        {"url": "https://elsewhere.example.com"},
        {"notifyClosedProblems": False},
        {"acceptAnyCertificate": True},
        {"urlContainsSecret": True, "secretUrl": "https://elsewhere.example.com/s3cret"},
        {"payload": "{}"},
        {"headers": []},
    ],
    ids=lambda drift: next(iter(drift)),
)
def test_what_was_changed_is_put_right(tenant: Running, drift: dict[str, Any]) -> None:
    id_ = run(tenant)["id"]
    own = {"enabled", "alertingProfile"}
    changed_hook = {**hook(tenant), **{name: value for name, value in drift.items() if name not in own}}
    top = {name: value for name, value in drift.items() if name in own}
    change(tenant, webHookNotification=changed_hook, **top)
    result = run(tenant)
    assert (result["changed"], result["id"]) == (True, id_)
    assert "s3cret" not in json.dumps(result)
    assert result["diff"]["before"] != result["diff"]["after"]
    assert headers(tenant)["Authorization"] == f"Bearer {SECRET}"
    assert hook(tenant)["url"] == URL
    assert run(tenant)["changed"] is False


def test_what_only_a_newer_dynatrace_knows_stays(tenant: Running) -> None:
    run(tenant)
    change(tenant, webHookNotification={**hook(tenant), "timeoutInSeconds": 7}, newer={"x": 1}, nothing=None)
    assert run(tenant)["changed"] is False
    assert run(tenant, notify_merges=True)["changed"] is True
    assert (hook(tenant)["timeoutInSeconds"], kept(tenant)[0].value["newer"]) == (7, {"x": 1})


def test_a_new_secret_is_noticed_although_none_is_given_back(tenant: Running) -> None:
    run(tenant)
    version = headers(tenant)["X-Secret-Version"]
    assert run(tenant, dynatrace_webhook_token="another")["changed"] is True
    assert headers(tenant)["Authorization"] == "Bearer another"
    assert headers(tenant)["X-Secret-Version"] != version
    assert SECRET not in version
    change(tenant, webHookNotification={**hook(tenant), "headers": _with_secret(hook(tenant), "Bearer by hand")})
    assert run(tenant, dynatrace_webhook_token="another")["changed"] is False
    assert run(tenant, dynatrace_webhook_token="another", secret_written="always")["changed"] is True
    assert headers(tenant)["Authorization"] == "Bearer another"


def _with_secret(known: dict[str, Any], value: str) -> list[dict[str, Any]]:
    return [{**one, "secretValue": value} if one["secret"] else one for one in known["headers"]]


def test_the_secret_may_be_a_password_or_a_header_of_its_own(tenant: Running) -> None:
    run(tenant, dynatrace_webhook_token=None, dynatrace_webhook_user="eda", dynatrace_webhook_password=SECRET)
    assert headers(tenant)["Authorization"] == "Basic " + base64.b64encode(f"eda:{SECRET}".encode()).decode()
    run(tenant, dynatrace_webhook_header="X-Webhook", headers={"X-Source": "dynatrace"})
    found = headers(tenant)
    assert (found.pop("X-Webhook"), found.pop("X-Source")) == (SECRET, "dynatrace")
    assert list(found) == ["X-Secret-Version"]


@pytest.mark.parametrize("name", ["authorization", "X-SECRET-version"])
def test_headers_cannot_take_the_place_of_the_secret(tenant: Running, name: str) -> None:
    with pytest.raises(ConfigurationError, match="headers: "):
        run(tenant, headers={name: "x"})
    assert kept(tenant) == []


def test_the_profile_is_found_by_its_name_or_its_id(tenant: Running) -> None:
    shop = tenant.tool.settings_api.add_profile("Shop")
    assert run(tenant, alerting_profile="Shop")["alerting_profile"] == shop.id
    assert run(tenant, alerting_profile=shop.id)["changed"] is False
    with pytest.raises(ConfigurationError, match="there is no profile 'Ship'; there are: Default, Shop"):
        run(tenant, alerting_profile="Ship")
    tenant.tool.settings_api.add_profile("Shop")
    with pytest.raises(ConfigurationError, match="2 profiles are called 'Shop'"):
        run(tenant, alerting_profile="Shop")


def test_a_name_that_means_something_else_is_refused(tenant: Running) -> None:
    settings = tenant.tool.settings_api
    mail = SettingsObject({"enabled": True, "type": "EMAIL", "displayName": "self-healing", "alertingProfile": "x"})
    settings.objects[mail.id] = mail
    with pytest.raises(ConfigurationError, match="is no webhook but EMAIL"):
        run(tenant)
    del settings.objects[mail.id]
    run(tenant)
    twin = SettingsObject(dict(kept(tenant)[0].value))
    settings.objects[twin.id] = twin
    with pytest.raises(ConfigurationError, match="2 problem notifications are called") as caught:
        run(tenant)
    assert all(known.id in caught.value.message for known in kept(tenant))


def test_it_is_found_on_a_later_page(tenant: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynatrace_settings, "PAGE_SIZE", 1)
    for number in range(3):
        run(tenant, name=f"other {number}")
    assert run(tenant)["changed"] is True
    assert run(tenant)["changed"] is False
    assert len(kept(tenant)) == 4


def test_it_is_taken_away(tenant: Running) -> None:
    run(tenant)
    assert run(tenant, state="absent", check_mode=True)["changed"] is True
    assert len(kept(tenant)) == 1
    assert run(tenant, state="absent")["changed"] is True
    assert run(tenant, state="absent", webhook_url=None, dynatrace_webhook_token=None)["changed"] is False
    assert kept(tenant) == []


def test_every_refusal_of_the_answer_is_told_without_the_value(tenant: Running) -> None:
    """Dynatrace repeats what it refused, the secret included, and may say so with a status of success."""
    refused = [
        {"code": 200, "objectId": "x"},
        {
            "code": 400,
            "error": {
                "code": 400,
                "message": f"Invalid {SECRET}",
                "constraintViolations": [
                    {"path": "value/webHookNotification/url", "message": "is blocked"},
                    {"path": "value/alertingProfile", "message": "unknown"},
                ],
            },
            "invalidValue": {"secretValue": f"Bearer {SECRET}"},
        },
    ]
    for status in (207, 400):
        tenant.faults.add("dynatrace", "status", method="POST", path=OBJECTS, status=status, body=json.dumps(refused))
        with pytest.raises(ApiError) as caught:
            run(tenant)
        assert "webHookNotification/url: is blocked; value/alertingProfile: unknown" in caught.value.message
        assert not secrets_in(caught.value.to_result())
    assert kept(tenant) == []


def test_a_lost_answer_is_looked_up(tenant: Running) -> None:
    with pytest.raises(UnclearOutcomeError):
        run(tenant, transport=Losing(carried_out=False))
    assert kept(tenant) == []
    made = run(tenant, transport=Losing(carried_out=True))
    assert (made["changed"], made["id"]) == (True, kept(tenant)[0].id)
    with pytest.raises(UnclearOutcomeError):
        run(tenant, transport=Losing(carried_out=False), enabled=False)
    assert run(tenant, transport=Losing(carried_out=True), enabled=False)["changed"] is True
    assert (len(kept(tenant)), kept(tenant)[0].value["enabled"]) == (1, False)


def test_somebody_else_changes_it_at_the_same_moment(tenant: Running) -> None:
    run(tenant)
    conflict = json.dumps({"error": {"code": 409, "message": "The updateToken does not match."}})
    tenant.faults.add("dynatrace", "status", method="PUT", path="/settings/objects/", status=409, body=conflict)
    assert run(tenant, enabled=False)["changed"] is True
    assert kept(tenant)[0].value["enabled"] is False
    tenant.faults.add(
        "dynatrace", "status", method="PUT", path="/settings/objects/", status=409, body=conflict, times=2
    )
    with pytest.raises(ConflictError):
        run(tenant, enabled=True)


def test_a_missing_scope_is_named(tenant: Running) -> None:
    tenant.tool.tokens["dt0c01.READ"] = frozenset({"settings.read"})
    with pytest.raises(AuthenticationError, match=r"missing required scope. Use one of: settings.write"):
        run(tenant, dynatrace_token="dt0c01.READ")


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"dynatrace_webhook_token": None}, "The webhook needs a secret: give dynatrace_webhook_token"),
        ({"webhook_url": ""}, "webhook_url is '', expected the address"),
        ({"webhook_url": "eda.example.com"}, "webhook_url is 'eda.example.com'"),
        ({"webhook_url": "https://a b"}, "webhook_url is"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_asked(tenant: Running, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        run(tenant, **changes)
    assert tenant.faults.requests == []


def test_an_answer_without_a_result_is_none() -> None:
    assert dynatrace_settings.refusal({"code": 200, "objectId": "x"}) == ""
    assert dynatrace_settings.refusal({"objectId": "x"}) == ""
    assert dynatrace_settings.refusal({"code": 500}) == "code 500"
    assert dynatrace_settings.refusal({"error": {"constraintViolations": [{"path": 3}, "x"]}}) == (
        "code None; the object: refused"
    )


def test_the_payload_is_the_one_of_the_readme_and_of_the_sandbox() -> None:
    assert keeping.PAYLOAD == PAYLOAD
    assert f"\n```text\n{keeping.PAYLOAD}\n```\n" in (ROOT / "roles/dynatrace/README.md").read_text("utf-8")


def test_the_object_of_the_documentation_is_the_one_that_is_written(tenant: Running) -> None:
    page = (ROOT / "docs/dynatrace.md").read_text("utf-8")
    [written] = json.loads(page.split("```json\n", 1)[1].split("```", 1)[0])
    run(tenant)
    value = kept(tenant)[0].value
    assert written["schemaId"] == keeping.SCHEMA
    own = written["value"]["webHookNotification"]
    for said, is_so, open_fields in (
        (written["value"], value, {"alertingProfile", "webHookNotification"}),
        (own, hook(tenant), {"payload", "headers"}),
    ):
        assert set(said) == set(is_so)
        assert {name: said[name] for name in set(said) - open_fields} == {
            name: is_so[name] for name in set(is_so) - open_fields
        }


def test_the_playbook_connects_dynatrace_once(tenant: Running) -> None:
    connect = {"import_playbook": "self_healing.devops.connect_dynatrace"}
    tools = {"dynatrace": {"dynatrace_url": tenant.url}, "jira": {}}
    inventory = {"name": "Make the tool chain", "hosts": "all", "gather_facts": False, "tasks": [JOIN]}
    done = run_playbook(
        [inventory, connect, connect],
        {name: {**LOCAL, **variables} for name, variables in tools.items()},
        "-e",
        f"webhook_url={URL}",
        "--diff",
        environment={
            "DYNATRACE_SETTINGS_TOKEN": tenant.settings.dynatrace_token,
            "DYNATRACE_TOKEN": "dt0c01.NOTHING",
            "DYNATRACE_WEBHOOK_TOKEN": SECRET,
        },
    )
    assert done.returncode == 0, done.output
    task = "Have Dynatrace call the event source"
    assert [ran.changed for ran in done.of("dynatrace", task)] == [True, False]
    assert done.of("jira", task) == []
    assert headers(tenant)["Authorization"] == f"Bearer {SECRET}"
    assert not secrets_in(done.output)
    assert tenant.settings.dynatrace_token not in done.output
