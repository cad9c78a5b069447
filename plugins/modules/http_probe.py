#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module http_probe."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_probe
short_description: Measure how often and how fast addresses answer
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Asks each address a bounded number of times, all of them in turns, and tells the share of failures, how long the
    answers took, and which version answered.
  - Every request has a connection of its own. Redirects are not followed, and no proxy is used.
  - Of what an answer says only the version is kept, and only where it is a plain word.
options:
  targets:
    description: Addresses by name.
    type: dict
    required: true
  requests:
    description: How often each address is asked, up to 1000.
    type: int
    default: 20
  parallel:
    description: How many requests are under way at the same time, up to 50.
    type: int
    default: 2
  request_seconds:
    description: How long an answer may take.
    type: float
    default: 5
  seconds:
    description: How long all of it may take. No request is begun later than this.
    type: float
    default: 30
  status:
    description: HTTP status of a good answer.
    type: int
    default: 200
  version_field:
    description: Where the version is in an answer of JSON, with dots between the keys. Empty is nowhere.
    type: str
    default: version
  version_header:
    description: The header of the answer that has the version. It goes before O(version_field).
    type: str
    default: ""
  max_error_percent:
    description: Above this share of failures a target is not healthy.
    type: float
    default: 0
  max_p95_ms:
    description: A target that needs longer for more than 5 % of the good answers is not healthy. V(0) is no limit.
    type: float
    default: 0
  wait_for:
    description: Names of targets that are measured again and again until they are healthy.
    type: list
    elements: str
    default: []
  wait_seconds:
    description: How long they may take until they are healthy. What was measured last is returned.
    type: float
    default: 60
  validate_certs:
    description: Whether TLS certificates must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust, in place of the usual ones.
    type: path
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
"""

EXAMPLES = r"""
- name: Compare two releases
  self_healing.devops.http_probe:
    targets:
      blue: http://10.0.0.7:8080/health
      green: http://10.0.0.8:8080/health
    max_error_percent: 1
    max_p95_ms: 500
  register: measured
"""

RETURN = r"""
targets:
  description: What was measured of each address.
  returned: success
  type: dict
  sample:
    blue:
      healthy: true
      wrong: null
      requests: 20
      failures: 0
      error_percent: 0.0
      p50_ms: 11.9
      p95_ms: 14.2
      http_status: 200
      version: 2.7.0
    green:
      healthy: false
      wrong: slow
      requests: 20
      failures: 0
      error_percent: 0.0
      p50_ms: 480.3
      p95_ms: 1840.7
      http_status: 200
      version: 2.7.1
"""

import ssl
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.probing import Limits, Question, ask_all, judged

#: Seconds until what is not healthy yet is measured again.
PAUSE = 1.0

SPEC = ModuleSpec(
    options={
        "targets": {"type": "dict", "required": True},
        "requests": {"type": "int", "default": 20},
        "parallel": {"type": "int", "default": 2},
        "request_seconds": {"type": "float", "default": 5},
        "seconds": {"type": "float", "default": 30},
        "status": {"type": "int", "default": 200},
        "version_field": {"type": "str", "default": "version"},
        "version_header": {"type": "str", "default": ""},
        "max_error_percent": {"type": "float", "default": 0},
        "max_p95_ms": {"type": "float", "default": 0},
        "wait_for": {"type": "list", "elements": "str", "default": []},
        "wait_seconds": {"type": "float", "default": 60},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
    },
    talks_http=False,
)


def run(params: Mapping[str, Any], _check_mode: bool, _transport: object) -> dict[str, Any]:
    """Ask and measure. Raises ConfigurationError."""
    for name, least, most in (("requests", 1, 1000), ("parallel", 1, 50)):
        if not least <= params[name] <= most:
            raise ConfigurationError(f"{name} is {params[name]}, expected {least} to {most}")
    if not params["targets"]:
        raise ConfigurationError("targets is empty, expected addresses by name")
    targets = {str(name): str(url) for name, url in params["targets"].items()}
    strange = next((name for name in params["wait_for"] if name not in targets), None)
    if strange is not None:
        raise ConfigurationError(f"wait_for names {strange[:40]!r}, expected one of {', '.join(targets)}")
    tls, deadline = tls_of(params), time.monotonic() + params["wait_seconds"]
    measured = measure(params, targets, tls)
    while not all(measured[name]["healthy"] for name in params["wait_for"]) and time.monotonic() < deadline:
        time.sleep(PAUSE)
        measured = measure(params, targets, tls)
    return {"changed": False, "targets": measured}


def measure(params: Mapping[str, Any], targets: Mapping[str, str], tls: ssl.SSLContext) -> dict[str, dict[str, Any]]:
    """Ask every target as often as was asked for, and return what was measured."""
    question = Question(
        status=params["status"],
        seconds=params["request_seconds"],
        deadline=time.monotonic() + params["seconds"],
        version_field=params["version_field"],
        version_header=params["version_header"],
        tls=tls,
    )
    asked = ask_all(targets, params["requests"], params["parallel"], question)
    limits = Limits(params["max_error_percent"], params["max_p95_ms"])
    return {name: judged(one, question, limits) for name, one in asked.items()}


def tls_of(params: Mapping[str, Any]) -> ssl.SSLContext:
    """Return how certificates are looked at. Raises ConfigurationError."""
    try:
        context = ssl.create_default_context(cafile=params["ca_path"])
    except OSError as error:
        raise ConfigurationError(f"ca_path: {params['ca_path']} cannot be used: {error.strerror or error}") from None
    if not params["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
