# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What signed links need to be set up: secrets to sign them with, and the address where browsers find their pages."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

#: Characters of a secret: 43 of base64 or of what is random in the same way are 256 bits.
LEAST_SECRET = 43
SECRETS_VARIABLE, URL_VARIABLE = "SELF_HEALING_LINK_SECRETS", "SELF_HEALING_ANSWER_URL"
MAKE_ONE = "make one with: openssl rand -hex 32"

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LIKE = "like https://eda.example.com/answer"


def link_secrets(given: Any, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the secrets of a list or of a text with blanks or commas between them; else those of the environment.

    An empty list where there are none. Raises ConfigurationError.
    """
    if given is None or given in ("", []):
        given = (os.environ if environment is None else environment).get(SECRETS_VARIABLE, "")
    if isinstance(given, str):
        # A template has blanks inside: it is one text that is no good, and not several.
        given = [given] if "{{" in given else re.split(r"[\s,]+", given.strip())
    if not isinstance(given, (list, tuple)):
        raise ConfigurationError("self_healing_link_secrets must be a list of texts")
    secrets = [secret for secret in given if secret != ""]
    for secret in secrets:
        check_secret(secret)
    return secrets


def check_secret(secret: Any) -> None:
    """Raise ConfigurationError where something cannot be a secret to sign with."""
    if not isinstance(secret, str):
        raise ConfigurationError("self_healing_link_secrets must hold texts (a number needs quotes)")
    if "{{" in secret or "{%" in secret:
        raise ConfigurationError(
            "self_healing_link_secrets holds a template that was not filled in: give its variable to ansible-rulebook, "
            f"or set {SECRETS_VARIABLE}"
        )
    if len(secret.strip()) < LEAST_SECRET:
        raise ConfigurationError(
            f"a secret in self_healing_link_secrets is shorter than {LEAST_SECRET} characters: {MAKE_ONE}"
        )


def answer_url(given: Any, environment: Mapping[str, str] | None = None) -> str:
    """Return the address below which links lead to the event source, without a slash at its end; empty for none.

    It must be HTTPS except on this machine: whoever reads a link on its way can answer. Raises ConfigurationError.
    """
    given = given or (os.environ if environment is None else environment).get(URL_VARIABLE) or ""
    if not isinstance(given, str) or not re.fullmatch(r"[!-~]{0,500}", given) or "{{" in given:
        raise ConfigurationError(f"self_healing_answer_url must be an address of at most 500 plain characters, {_LIKE}")
    if not given:
        return ""
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"self_healing_answer_url is no address, {_LIKE}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or "@" in parts.netloc:
        raise ConfigurationError(f"self_healing_answer_url must be a web address, {_LIKE}")
    if "?" in given or "#" in given:
        raise ConfigurationError(f"self_healing_answer_url must end with a path, {_LIKE}")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError("self_healing_answer_url must be https: whoever reads a link on its way can answer")
    return given.rstrip("/")
