# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one action class: runs a module of this collection inside the worker instead of as a process of its own.

Five tools then converge for a tenth of the CPU that five module processes would take. When the connection is not local
the module is copied and run on the remote host as usual, except for the journal's modules, which never leave the
controller.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import ModuleType
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, transport_for
from ansible_collections.self_healing.devops.plugins.plugin_utils.orphans import end_orphans

_STDOUT = 1

# Ansible's main process imports an action before it forks the workers: all of them are one run, and alive as long as
# any of them is.
run_identity.hold()


def end_with_the_terminal() -> None:
    """Let the run end when whoever reads its output is gone, as programs on a terminal do.

    ansible-runner gives a playbook a terminal and has it ignore SIGHUP. When the runner is killed, the playbook fails
    at the next line that it writes. But if that is a line of one of its workers (an item of a loop, a warning), Ansible
    waits for its workers for ever: a run that lives, does nothing, and has the incident and its tools for itself.
    """
    # Signals are for the main thread only, and not every system has this one.
    with suppress(AttributeError, ValueError, OSError):
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN or not os.isatty(_STDOUT):
            return
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        terminal = select.poll()
        terminal.register(_STDOUT, 0)
        if any(event & select.POLLHUP for _descriptor, event in terminal.poll(0)):
            # It went before this.
            os.kill(os.getpid(), signal.SIGHUP)


end_with_the_terminal()
end_orphans()


class InProcessAction(ActionBase):
    """Runs C(run()) of one module."""

    #: The module. Imported together with the action, so once in Ansible's main process and not in every worker.
    module: ModuleType
    #: Whether the module works on the host it runs on, so that it matters as which user.
    works_on_host = False
    _supports_check_mode = True
    _supports_diff = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        spec: ModuleSpec = self.module.SPEC
        elsewhere = self._connection.transport != "local" or (
            self.works_on_host and self._connection.become is not None
        )
        if elsewhere and not spec.controller_only:
            result.update(self._execute_module(module_name=self._task.action, task_vars=task_vars))
            return result
        if self._task.async_val:
            raise AnsibleActionFail(
                "this module is quick and runs in place: async has no meaning for it, please remove it"
            )
        # The worker is a fork of its own for this one task, so that its environment may be changed.
        os.environ.update(self._task_environment())
        result.update(self._run_in_place(spec))
        return result

    def _run_in_place(self, spec: ModuleSpec) -> dict[str, Any]:
        checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(self._task.args)
        if checked.error_messages:
            return {"failed": True, "msg": "; ".join(checked.error_messages)}
        parameters = checked.validated_parameters
        try:
            transport = transport_for(parameters) if spec.talks_http else None
            outcome = self.module.run(parameters, self._task.check_mode, transport)
        except SelfHealingError as error:
            outcome = {"failed": True, **error.to_result()}
        if not self._task.diff:
            outcome.pop("diff", None)
        cleaned: dict[str, Any] = remove_values(outcome, checked._no_log_values)
        return cleaned

    def _task_environment(self) -> dict[str, str]:
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        return {str(name): str(value) for name, value in environment.items()}
