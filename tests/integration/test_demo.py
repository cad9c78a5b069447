# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration as a person meets it: started, watched in a browser, pressed, healed; and interrupted."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.java import find_java, packaged_java
from demo.processes import descendants, gone
from support.browser import Visit, start_browser

ROOT = Path(__file__).absolute().parents[2]
#: Seconds; generous, as other tests may run at the same time.
PATIENCE = 300


class Demo:
    """A running demonstration whose lines are read one by one."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self.folder = folder / ".demo"
        command = [sys.executable, "-m", "demo", "--folder", str(self.folder), *arguments]
        environment = {**environment, "PYTHONPATH": str(ROOT / "extensions"), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        # A demo that waits for a person who never comes would let this test wait for ever.
        self._watchdog = threading.Timer(PATIENCE, self.process.terminate)
        self._watchdog.start()

    def until(self, pattern: str) -> re.Match[str]:
        """Read on until a line matches, and return the match."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            match = re.search(pattern, line)
            if match is not None:
                return match
        raise AssertionError(f"ended without {pattern!r}:\n" + "\n".join(self.lines))

    def end(self) -> int:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        status = self.process.wait(PATIENCE)
        self._watchdog.cancel()
        return status

    def stop(self) -> None:
        """End the demo, if it still runs."""
        self._watchdog.cancel()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=60)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    running: list[Demo] = []

    def begin(environment: dict[str, str], *arguments: str) -> Demo:
        running.append(Demo(tmp_path, environment, *arguments))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def without_java(folder: Path) -> dict[str, str]:
    """Return an environment that has every program of this one except Java, and an empty home directory."""
    programs, home = folder / "bin", folder / "home"
    programs.mkdir()
    home.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in place.iterdir() if place.is_dir() else ():
            link = programs / program.name
            if not program.name.startswith("java") and not link.is_symlink():
                link.symlink_to(program)
    kept = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "JDK_HOME")}
    return {**kept, "PATH": str(programs), "HOME": str(home)}


def left_running(folder: Path) -> list[str]:
    """Return the command lines of processes that mention the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, ValueError):
            continue
        if entry.name.isdigit() and int(entry.name) != os.getpid() and str(folder) in line:
            found.append(line)
    return found


def test_a_person_presses_in_the_browser_and_sees_the_heal(start: Any, tmp_path: Path) -> None:
    """Without an installed Java and with an empty home directory, as on a bare machine."""
    environment = without_java(tmp_path)
    assert find_java(environment, packaged_java()) == packaged_java()
    with start_browser() as browser:
        demo = start(environment, "--answer", "person")
        url = demo.until(r"tool chain up .*page (http://127\.0\.0\.1:\d+)")[1]
        visit = Visit(browser, url)
        page = visit.page
        page.set_default_timeout(PATIENCE * 1000)
        demo.until("… waiting for you: open .* and press 'Restart process'")
        button = page.locator("#phone").get_by_role("button", name="Restart process")
        button.wait_for()
        assert page.locator("#problem .watches").get_by_text("Down").is_visible()
        button.click()
        page.locator("#phone .outcome", has_text="Ana Berg chose Restart process").wait_for()
        demo.until("✔ closed")
        page.set_default_timeout(60_000)
        page.locator("#story .about", has_text="Closed").wait_for()
        page.locator("#ticket .thing-head", has_text="Done").wait_for()
        page.locator("#ticket .file", has_text="transcript").wait_for()
        page.locator("#channel .thing-head", has_text="Archived").wait_for()
        page.locator("#problem .thing-head", has_text="Closed").wait_for()
        page.locator("#phone .alert-head", has_text="Ended").wait_for()
        assert page.locator("#problem .watches").get_by_text("Up").is_visible()
        assert "0 → , after 1" in " ".join(page.locator("#story .figures").inner_text().split())
        visit.end()
    assert demo.end() == 0, demo.output
    last = demo.lines[-1]
    figures = r"detected=[\d.]+s alerted=[\d.]+s answered=[\d.]+s fixed=[\d.]+s verified=[\d.]+s closed=[\d.]+s"
    assert re.fullmatch(rf"healed process_crash incident=i[a-z2-7]{{12}} {figures}", last), demo.output
    result = json.loads((demo.folder / "result.json").read_text())
    assert result["healed"] is True
    assert result["incident"] in last
    assert {name: tool["state"] for name, tool in result["tools"].items()} == {
        "dynatrace": "CLOSED",
        "jira": "Done",
        "slack": "archived",
        "xmatters": "TERMINATED",
    }
    assert all(tool["url"].startswith("http://127.0.0.1:") for tool in result["tools"].values())
    assert list((tmp_path / "home").iterdir()) == []
    assert left_running(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_running(start: Any, tmp_path: Path, number: int) -> None:
    demo = start(dict(os.environ), "--answer", "person")
    demo.until("waiting for you")
    started = descendants(demo.process.pid)
    assert len(started) >= 2
    demo.process.send_signal(number)
    assert demo.end() == 130, demo.output
    assert "everything that was started is stopped" in demo.output
    assert gone(started, 10)
    assert left_running(tmp_path) == []


def test_a_second_demo_in_the_same_folder_is_refused(start: Any, tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir()
    with (tmp_path / ".demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        demo = start(dict(os.environ), "--answer", "auto")
        assert demo.end() == 2
    assert "another demo is running" in demo.output
    assert [entry.name for entry in (tmp_path / ".demo").iterdir()] == ["lock"]
