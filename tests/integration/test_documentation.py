# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What README.md and docs/connect.md tell people to write and to run is right."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.tree import MODULES, ROLES, ROOT, SOURCES, plugin, source

NAMES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/connect.md",
    "docs/dynatrace.md",
    "docs/guarantees.md",
    "docs/journal.md",
    "docs/policy.md",
)
PAGES = {name: (ROOT / name).read_text("utf-8") for name in NAMES}
README = PAGES["README.md"]
#: What the documentation wants in the environment, besides the settings of the modules.
WEBHOOK_SECRETS = {"DYNATRACE_WEBHOOK_TOKEN", "XMATTERS_WEBHOOK_TOKEN"}


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page that are in the given language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)


def block(page: str, language: str, holds: str) -> str:
    found = [text for text in blocks(page, language) if holds in text]
    assert len(found) == 1, f"{page}: expected one {language} block with {holds!r}, found {len(found)}"
    return found[0]


def commands(page: str) -> list[str]:
    return [line for text in blocks(page, "console") for line in text.splitlines()]


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """The folder that the README tells people to make."""
    folder = tmp_path / "inventory"
    (folder / "group_vars/all").mkdir(parents=True)
    (folder / "hosts.yml").write_text(block("README.md", "yaml", "toolchain:"))
    (folder / "group_vars/all/self_healing.yml").write_text(block("README.md", "yaml", "self_healing_ceiling:"))
    return folder


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The environment that the README tells people to make; its names are returned."""
    exported = {name for line in commands("README.md") for name in re.findall(r"\b([A-Z_]+)=…", line)}
    for name in exported:
        monkeypatch.setenv(name, "secret")
    return exported


@pytest.mark.usefixtures("secrets")
async def test_the_inventory_and_the_policy_are_complete(inventory: Path) -> None:
    await plugin("plugin_utils", "toolchain").check_inventory(str(inventory))


@pytest.mark.usefixtures("secrets")
async def test_what_is_missing_is_told_by_name(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIRA_TOKEN")
    with pytest.raises(plugin("module_utils", "errors").ConfigurationError, match="toolchain host jira: jira_token"):
        await plugin("plugin_utils", "toolchain").check_inventory(str(inventory))


def test_the_secrets_have_the_names_that_modules_and_sources_read(secrets: set[str]) -> None:
    settings = {
        option["fallback"][1][0]
        for module in MODULES
        for option in plugin("modules", module).SPEC.options.values()
        if "fallback" in option
    }
    described = " ".join(source(path)["DOCUMENTATION"] for path in SOURCES)
    assert {name for name in WEBHOOK_SECRETS if f"E({name})" in described} == WEBHOOK_SECRETS
    assert secrets <= settings | WEBHOOK_SECRETS, f"nobody reads {sorted(secrets - settings - WEBHOOK_SECRETS)}"


def test_the_rulebook_and_the_playbooks_exist() -> None:
    names = {
        name for page in PAGES for line in commands(page) for name in re.findall(r"self_healing\.devops\.(\w+)", line)
    }
    known = {
        path.stem for folder in ("playbooks", "rulebooks", "plugins/modules") for path in (ROOT / folder).glob("*.*")
    }
    assert {"self_healing", "converge", "respond"} <= names <= known


def test_the_content_is_listed_completely() -> None:
    table = README[README.index("| content | names |") : README.index("## Requirements")]
    parts = {
        line.split("|")[1].strip(): set(re.findall(r"`(\w+)`", line)) for line in table.splitlines() if "`" in line
    }
    assert parts["modules"] == set(MODULES)
    assert parts["event sources"] == {path.stem for path in SOURCES}
    assert parts["tool roles"] | parts["remedy roles"] == set(ROLES) - {"incident"}
    assert parts["playbooks"] == {path.stem for path in (ROOT / "playbooks").glob("*.yml")} - {"carry_out"}


def test_the_scopes_of_the_slack_app_are_those_of_its_manifest() -> None:
    manifest = (ROOT / "roles/slack/README.md").read_text("utf-8")
    scopes = set(re.findall(r"^ +- ([a-z]+:[a-z.]+)$", manifest, re.MULTILINE))
    row = next(line for line in README.splitlines() if line.startswith("| [Slack]"))
    assert set(re.findall(r"`([a-z]+:[a-z.]+)`", row)) == scopes


def links() -> Iterator[tuple[str, str]]:
    for page, text in PAGES.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not target.startswith("https://"):
                yield page, target


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_link_leads_somewhere(page: str, target: str) -> None:
    name, _hash, anchor = target.partition("#")
    path = ROOT / Path(page).parent / name
    assert path.exists(), f"{page} links to {target}, which does not exist"
    if anchor:
        headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{page} links to {target}; headings are {sorted(anchors)}"


@pytest.mark.parametrize("page", ["README.md", "docs/connect.md", "docs/dynatrace.md"])
def test_yaml_can_be_read(page: str) -> None:
    for text in blocks(page, "yaml"):
        yaml.safe_load(text)


@pytest.mark.parametrize("holds", ["process_restart", "incident_info"])
def test_the_small_playbooks_are_playbooks(tmp_path: Path, inventory: Path, holds: str) -> None:
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(next(text for text in blocks("docs/connect.md", "yaml") if holds in text and "hosts:" in text))
    command = ["ansible-playbook", "-i", str(inventory), "--syntax-check", str(playbook)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
