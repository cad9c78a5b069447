# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a demonstration keeps its files: one folder, fresh for every run, and nothing anywhere else."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import DemoError

#: The checkout, or the installed collection, that this program belongs to.
COLLECTION = Path(__file__).absolute().parents[2]


@dataclass(frozen=True)
class Layout:
    """The folder of a demonstration and what is where in it."""

    root: Path

    @property
    def inventory(self) -> Path:
        return self.root / "inventory"

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def home(self) -> Path:
        """Takes the place of the home directory: nobody's own settings are read, and nothing is written there."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def addresses(self) -> Path:
        return self.root / "addresses.json"

    @property
    def variables(self) -> Path:
        return self.root / "rulebook-vars.yml"

    @property
    def service(self) -> Path:
        return self.root / "service"

    @property
    def state(self) -> Path:
        """What the page showed at the end, for whoever wants to know more than the result says."""
        return self.root / "state.json"

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    @property
    def collections(self) -> Path:
        """The directory that contains C(ansible_collections) with this collection in it."""
        if COLLECTION.parts[-3:] == ("ansible_collections", "self_healing", "devops"):
            return COLLECTION.parents[2]
        return self.root / "collections"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the folder for this run alone. Raises DemoError while another one has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(f"another demo is running in {self.root}") from None
            yield

    def prepare(self) -> None:
        """Remove what an earlier run left, and make the folders of this one."""
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()
        for folder in (self.inventory, self.logs, self.home, self.temporary, self.service):
            folder.mkdir(mode=0o700)
        if not self.collections.is_relative_to(self.root):
            return
        link = self.collections / "ansible_collections" / "self_healing" / "devops"
        link.parent.mkdir(parents=True)
        link.symlink_to(os.path.relpath(COLLECTION, link.parent.resolve()), target_is_directory=True)
