# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the collection, for tests that look at all of them."""

from __future__ import annotations

import importlib
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

ROOT = Path(__file__).absolute().parents[2]
#: Folders that tools make, wherever they are.
MADE = {".ansible", ".cache", ".demo", ".git", ".hypothesis", ".venv", "__pycache__", "collections", "output"}
FQCN = "ansible_collections.self_healing.devops"
#: The checkout where Ansible finds it. Event sources find the shared code by their own place in it.
INSTALLED = ROOT / ".venv/collections/ansible_collections/self_healing/devops"

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*") if path.is_dir())
SOURCES = sorted((INSTALLED / "extensions/eda/plugins/event_source").glob("*.py"))
RULEBOOKS = sorted((ROOT / "extensions/eda/rulebooks").glob("*.yml"))


def files() -> Iterator[Path]:
    """Yield every file that a person wrote, links left out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - MADE)
        yield from (path for name in sorted(names) if not (path := Path(folder) / name).is_symlink())


def texts() -> Iterator[tuple[str, str]]:
    """Yield path (relative) and content of every text file."""
    for path in files():
        try:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def python_files() -> list[str]:
    return [str(path.relative_to(ROOT)) for path in files() if path.suffix == ".py"]


def plugin(kind: str, name: str) -> ModuleType:
    """Import a plugin as Ansible does, for instance C(plugin("modules", "incident"))."""
    return importlib.import_module(f"{FQCN}.plugins.{kind}.{name}")


def documentation(module: ModuleType) -> dict[str, Any]:
    """Return the options that a module documents, those of its fragments included."""
    said: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)
    options: dict[str, Any] = dict(said.get("options") or {})
    for name in said.get("extends_documentation_fragment") or []:
        _collection, _dot, short = name.removeprefix("self_healing.devops.").partition(".")
        fragment = plugin("doc_fragments", _collection).ModuleDocFragment
        text = getattr(fragment, short.upper() if short else "DOCUMENTATION")
        options.update(yaml.safe_load(text).get("options") or {})
    return {**said, "options": options}


def source(path: Path) -> dict[str, Any]:
    """Load an event source as ansible-rulebook does and return its names."""
    return runpy.run_path(str(path))


def role_file(role: str, *parts: str) -> dict[str, Any]:
    """Return the content of a YAML file of a role, empty when there is none."""
    path = ROOT.joinpath("roles", role, *parts)
    loaded: dict[str, Any] = (yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None) or {}
    return loaded
