# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs C(ansible-test sanity) on a copy of the checkout below C(.cache): C(sanity.py [ARGUMENT...]).

ansible-test wants the collection below C(ansible_collections) in a git repository, and keeps its own virtual
environments in the home folder. Both are made in C(.cache) here, and stay there, so that only the first run is slow.
Arguments are handed on, for instance C(--test validate-modules) or C(plugins/modules/jira_issue.py).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ansible_test
from export import ROOT, ExportError, export, git

COPY = ROOT / ".cache" / "sanity" / "ansible_collections" / "self_healing" / "devops"
HOME = ROOT / ".cache" / "home"
#: Links to folders, which ansible-test refuses. What they lead to is checked in its own place.
LINKS = ("rulebooks",)

#: Takes the place of the script that ansible-test would download to put pip into its environments: Python brings a pip.
GET_PIP = """\
import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade", "--default-pip"], check=True)
subprocess.run([sys.executable, "-m", "pip", "install", *packages], check=True)
"""


def pip_versions() -> set[str]:
    """Return the versions of pip that this ansible-test may ask a script for."""
    folder = Path(next(iter(ansible_test.__path__))) / "_internal"
    text = (folder / "python_requirements.py").read_text("utf-8")
    found = set(re.findall(r"pip='([0-9.]+)'", text))
    if not found:
        raise ExportError(
            f"{folder} does not name the version of pip that ansible-test installs; see GET_PIP in {__file__}"
        )
    return found


def prepare_home() -> None:
    """Make the home folder that ansible-test sees: the stand-in for its download, and pip set up as it is here."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in pip_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP, "utf-8")
    configuration = HOME / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    configuration.touch(mode=0o600)
    configuration.write_text(pip_configuration(), "utf-8")


def pip_configuration() -> str:
    """Return pip's settings as one file. ansible-test hands neither the environment nor the home folder on to pip."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    sections: dict[str, dict[str, str]] = {}
    for line in said.splitlines():
        name, _equals, value = line.partition("=")
        # C(:env:.cert) comes from the environment and counts for all commands, as C(global.cert) does.
        section, _dot, option = name.replace(":env:", "global").partition(".")
        if option and option not in ("user", "target", "prefix"):
            sections.setdefault(section, {})[option] = value.strip("'").replace("\\n", "\n    ")
    return "".join(
        f"[{section}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        for section, options in sections.items()
    )


def main() -> int:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "GIT_", "PYTHON"))
    }
    environment["HOME"] = str(HOME)
    try:
        export(COPY, untracked=True, leave_out=LINKS)
        prepare_home()
        if not (COPY / ".git").is_dir():
            git("init", "--quiet", folder=COPY)
    except ExportError as error:
        print(error, file=sys.stderr)
        return 1
    # This interpreter only: others on PATH may be a version manager's names that do not run.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [str(Path(sys.executable).with_name("ansible-test")), "sanity", "--color", "no", "--python", version]
    print("Running ansible-test sanity (the first time takes some minutes).", flush=True)
    # pylint takes as long as all the others together, and runs beside them.
    parts = [sys.argv[1:]] if sys.argv[1:] else [["--skip-test", "pylint"], ["--test", "pylint"]]
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda part: run([*command, *part], environment), parts))
    for done in ended:
        print(done.stdout, end="", flush=True)
    return max(done.returncode for done in ended)


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
