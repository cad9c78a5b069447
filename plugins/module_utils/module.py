# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection is made of: its options, its one function, and the two ways to call it.

A module file holds its documentation, a L(ModuleSpec) called C(SPEC) and C(run(params, check_mode, transport)).
C(main()) runs it as an ordinary module; C(plugin_utils/in_process.py) runs the same function inside the worker.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, env_fallback

from . import run_identity
from .errors import ConfigurationError, SelfHealingError
from .incident import INCIDENT_ID

if TYPE_CHECKING:
    from .http import Transport

Options = dict[str, dict[str, Any]]
Run = Callable[[Mapping[str, Any], bool, "Transport | None"], dict[str, Any]]

#: Options of every module that talks to a service. Documented in the fragment C(connection).
CONNECTION_OPTIONS: Options = {
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}

#: The option of every module that reads or writes the journal. Documented in the fragment C(journal).
JOURNAL_OPTIONS: Options = {
    "journal": {"type": "str", "fallback": (env_fallback, ["SELF_HEALING_JOURNAL"])},
}


@dataclass(frozen=True)
class ModuleSpec:
    """The interface of one module.

    C(options) is an Ansible argument spec. C(talks_http) says that C(run) wants a transport. C(controller_only) says
    that the module works on the journal and therefore never runs on a managed host.
    """

    options: Options
    mutually_exclusive: Sequence[Sequence[str]] = ()
    required_together: Sequence[Sequence[str]] = ()
    required_one_of: Sequence[Sequence[str]] = ()
    required_if: Sequence[Sequence[Any]] = ()
    required_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    talks_http: bool = True
    controller_only: bool = False

    def constraints(self) -> dict[str, Any]:
        """Return the constraints as keyword arguments of AnsibleModule and of ArgumentSpecValidator."""
        return {
            "mutually_exclusive": [list(names) for names in self.mutually_exclusive],
            "required_together": [list(names) for names in self.required_together],
            "required_one_of": [list(names) for names in self.required_one_of],
            "required_if": [list(rule) for rule in self.required_if],
            "required_by": {name: list(names) for name, names in self.required_by.items()},
        }

    def to_kwargs(self) -> dict[str, Any]:
        """Return the keyword arguments of AnsibleModule. All our modules support check mode."""
        return {"argument_spec": self.options, "supports_check_mode": True, **self.constraints()}


def this_run() -> str:
    """Name the playbook run: every task of it is a child of the same ansible-playbook process.

    In a worker of Ansible it is the name that the main process took, which tells whether any of them still lives.
    """
    return run_identity.held() or f"{socket.gethostname()}:{os.getppid()}"


def require_incident(given: str) -> str:
    """Return C(given) when it is the identifier of an incident. Raises ConfigurationError."""
    if not INCIDENT_ID.fullmatch(given):
        raise ConfigurationError(
            f"Which incident? Give its identifier, like -e incident=i7k3v5q2x4dmz (found: {given[:40]})"
        )
    return given


def file_exists(path: str) -> bool:
    """Say whether there is something at C(path), in which C(~) is the home folder."""
    return os.path.exists(os.path.expanduser(path))


def from_environment(name: str, **option: Any) -> dict[str, Any]:
    """Return an option that falls back to the environment variable of the same name in capitals."""
    return {"type": "str", "fallback": (env_fallback, [name.upper()]), **option}


def transport_for(params: Mapping[str, Any]) -> Transport:
    """Return the transport that the connection options describe."""
    # Here and not above: the modules of the journal, most of the tasks of a run, need no HTTP and start without it.
    from .http import RequestsTransport

    return RequestsTransport(validate_certs=params["validate_certs"], ca_path=params.get("ca_path"))


def run_module(module: AnsibleModule, spec: ModuleSpec, run: Run) -> None:
    """Call C(run) with the parameters of C(module) and exit with its result."""
    try:
        transport = transport_for(module.params) if spec.talks_http else None
        result = run(module.params, module.check_mode, transport)
    except SelfHealingError as error:
        module.fail_json(**error.to_result())
    module.exit_json(**result)
