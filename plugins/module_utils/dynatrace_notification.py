# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the problem notification of a Dynatrace environment that calls our webhook to what it should be.

Dynatrace never gives a secret back. So that a new one is noticed all the same, a header beside it holds a short value
that is derived from the secret, from which nobody gets the secret.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from .clients.dynatrace import DynatraceClient
from .clients.dynatrace_settings import SettingsObject, SettingsObjects
from .clients.dynatrace_values import mapping, objects
from .errors import ConfigurationError, ConflictError, UnclearOutcomeError

SCHEMA = "builtin:problem.notifications"
PROFILES = "builtin:alerting.profile"
#: The header that tells whether the secret is still the one that is wanted.
SECRET_VERSION = "X-Secret-Version"
#: What the event source understands best (the README of the role dynatrace has the same text).
PAYLOAD = """{
  "State": "{State}",
  "PID": "{PID}",
  "ProblemID": "{ProblemID}",
  "ProblemTitle": "{ProblemTitle}",
  "ProblemImpact": "{ProblemImpact}",
  "ProblemSeverity": "{ProblemSeverity}",
  "ProblemURL": "{ProblemURL}",
  "ImpactedEntity": "{ImpactedEntity}",
  "NamesOfImpactedEntities": "{NamesOfImpactedEntities}",
  "ImpactedEntities": {ImpactedEntities},
  "Tags": "{Tags}",
  "ProblemDetailsJSONv2": {ProblemDetailsJSONv2}
}"""

_MASK = "********"
#: Makes guessing a weak secret from its derived value slow.
_ROUNDS = 200_000


@dataclass(frozen=True)
class Credential:
    """The header that the webhook wants to see."""

    header: str
    value: str

    def version(self, name: str) -> str:
        """Return what changes with the secret. C(name) keeps equal secrets of two notifications from looking equal."""
        return hashlib.pbkdf2_hmac("sha256", self.value.encode(), name.encode(), _ROUNDS).hex()[:12]


def keep_notification(client: DynatraceClient, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Create, change or delete the notification, and return what there is then."""
    if params["state"] == "absent":
        return _remove(client.settings, params["name"], check_mode)
    credential = credential_in(params)
    check_address(params["webhook_url"])
    settings = client.settings.guarding([credential.value, *_secrets(params)])
    profile = profile_id(settings, params["alerting_profile"])
    try:
        return _keep(settings, params, credential, profile, check_mode)
    except ConflictError:
        # Somebody changed it after it was read: look again, once.
        return _keep(settings, params, credential, profile, check_mode)


def _keep(
    settings: SettingsObjects, params: Mapping[str, Any], credential: Credential, profile: str, check_mode: bool
) -> dict[str, Any]:
    known = find(settings, params["name"])
    value = wanted(known.value if known else {}, params, credential, profile)
    before, after = comparable(known.value) if known else {}, comparable(value)
    changed = before != after or (known is not None and params["secret_written"] == "always")
    id_ = known.id if known else ""
    if changed and known is not None:
        settings.update(known, value, validate_only=True)
        if not check_mode:
            _update(settings, known, value)
    elif changed:
        settings.create(SCHEMA, value, validate_only=True)
        if not check_mode:
            id_ = _create(settings, value)
    return {
        "changed": changed,
        "diff": {"before": before, "after": after},
        "id": id_,
        "name": params["name"],
        "alerting_profile": profile,
    }


def _create(settings: SettingsObjects, value: Mapping[str, Any]) -> str:
    try:
        return settings.create(SCHEMA, value)
    except UnclearOutcomeError:
        made = find(settings, value["displayName"])
        if made is None or comparable(made.value) != comparable(value):
            raise
        return made.id


def _update(settings: SettingsObjects, known: SettingsObject, value: Mapping[str, Any]) -> None:
    try:
        settings.update(known, value)
    except UnclearOutcomeError:
        kept = find(settings, value["displayName"])
        if kept is None or kept.update_token == known.update_token or comparable(kept.value) != comparable(value):
            raise


def _remove(settings: SettingsObjects, name: str, check_mode: bool) -> dict[str, Any]:
    known = find(settings, name)
    if known is not None and not check_mode:
        settings.delete(known)
    return {
        "changed": known is not None,
        "diff": {"before": comparable(known.value) if known else {}, "after": {}},
        "id": "",
        "name": name,
        "alerting_profile": "",
    }


def find(settings: SettingsObjects, name: str) -> SettingsObject | None:
    """Return the webhook of this name. Raises ConfigurationError when the name means something else, or several."""
    found = [known for known in settings.listing(SCHEMA) if known.value.get("displayName") == name]
    if len(found) > 1:
        ids = ", ".join(known.id for known in found)
        raise ConfigurationError(
            f"name: {len(found)} problem notifications are called {name!r}; delete or rename all but one of {ids}"
        )
    if found and found[0].value.get("type") != "WEBHOOK":
        type_ = str(found[0].value.get("type"))[:40]
        raise ConfigurationError(
            f"name: the problem notification {name!r} is no webhook but {type_}; give ours another name"
        )
    return found[0] if found else None


def profile_id(settings: SettingsObjects, wanted_profile: str) -> str:
    """Return the id of the alerting profile that is given by its name or its id. Raises ConfigurationError."""
    profiles = settings.listing(PROFILES)
    if any(profile.id == wanted_profile for profile in profiles):
        return wanted_profile
    named = [profile.id for profile in profiles if profile.value.get("name") == wanted_profile]
    if len(named) == 1:
        return named[0]
    if named:
        raise ConfigurationError(
            f"alerting_profile: {len(named)} profiles are called {wanted_profile!r}; give the id of one: "
            + ", ".join(named)
        )
    names = ", ".join(sorted(str(profile.value.get("name")) for profile in profiles)[:20]) or "none"
    raise ConfigurationError(f"alerting_profile: there is no profile {wanted_profile!r}; there are: {names}")


def credential_in(params: Mapping[str, Any]) -> Credential:
    """Return the header that the event source expects. Raises ConfigurationError without any."""
    token, user, password = (params[f"dynatrace_webhook_{name}"] for name in ("token", "user", "password"))
    header = params["dynatrace_webhook_header"]
    if token:
        return Credential(header, token) if header else Credential("Authorization", f"Bearer {token}")
    if user and password:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return Credential("Authorization", f"Basic {pair}")
    raise ConfigurationError(
        "The webhook needs a secret: give dynatrace_webhook_token (or DYNATRACE_WEBHOOK_TOKEN), "
        "or dynatrace_webhook_user with dynatrace_webhook_password, the same as the event source has"
    )


def check_address(url: str | None) -> None:
    """Raise ConfigurationError for what Dynatrace could not call."""
    if not url or not url.startswith(("https://", "http://")) or any(c.isspace() for c in url):
        raise ConfigurationError(
            f"webhook_url is {(url or '')[:80]!r}, expected the address under which Dynatrace reaches the event "
            "source, like https://eda.example.com/dynatrace"
        )


def wanted(known: Mapping[str, Any], params: Mapping[str, Any], credential: Credential, profile: str) -> dict[str, Any]:
    """Return the value that is wanted. What newer schemas have besides, and what we say nothing about, stays."""
    name = params["name"]
    plain = {**params["headers"], SECRET_VERSION: credential.version(name)}
    given = {header.lower() for header in plain}
    if len(given) < len(plain) or credential.header.lower() in given:
        raise ConfigurationError(
            f"headers: {credential.header} and {SECRET_VERSION} are set by this module, and every name counts once"
        )
    headers = [{"name": header, "secret": False, "value": str(value)} for header, value in sorted(plain.items())]
    hook = {
        **mapping(known.get("webHookNotification")),
        "urlContainsSecret": False,
        "url": params["webhook_url"],
        "acceptAnyCertificate": params["accept_any_certificate"],
        "notifyEventMergesEnabled": params["notify_merges"],
        # Without it nothing tells that a fix worked.
        "notifyClosedProblems": True,
        "useOAuth2": False,
        "headers": [{"name": credential.header, "secret": True, "secretValue": credential.value}, *headers],
        "payload": params["payload"] or PAYLOAD,
    }
    for unused in ("secretUrl", "oAuth2Credentials"):
        hook.pop(unused, None)
    return {
        **known,
        "enabled": params["enabled"],
        "type": "WEBHOOK",
        "displayName": name,
        "alertingProfile": profile,
        "webHookNotification": hook,
    }


def comparable(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value without its secrets, in a form in which equal values are equal.

    Headers are a set, and what is false or nothing may as well be left out.
    """
    shown = {name: deepcopy(item) for name, item in value.items() if item not in (None, False)}
    hook = {name: item for name, item in mapping(shown.get("webHookNotification")).items() if item not in (None, False)}
    headers = objects(hook.get("headers"))
    hook["headers"] = {
        str(header.get("name")): _MASK if header.get("secret") else header.get("value") for header in headers
    }
    if "secretUrl" in hook:
        hook["secretUrl"] = _MASK
    if "oAuth2Credentials" in hook:
        hook["oAuth2Credentials"] = _MASK
    return {**shown, "webHookNotification": hook}


def _secrets(params: Mapping[str, Any]) -> list[str]:
    return [params[f"dynatrace_webhook_{name}"] or "" for name in ("token", "password")]
