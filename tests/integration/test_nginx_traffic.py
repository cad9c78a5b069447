# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module nginx_traffic with a real nginx, under load where it switches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ConfigurationError,
    ConflictError,
    SelfHealingError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.modules.nginx_traffic import SPEC, run
from support.routers import Colour, Load, Router, missing, nginx, two_colours, validated, wait_until

pytestmark = pytest.mark.skipif(missing("nginx") is not None, reason=str(missing("nginx")))


@dataclass
class Place:
    router: Router
    blue: Colour
    green: Colour

    @property
    def file(self) -> Path:
        return self.router.folder / "upstreams" / "shop.conf"

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "file": str(self.file),
            "upstream": "shop",
            "colours": {"blue": [f"127.0.0.1:{self.blue.port}"], "green": [f"127.0.0.1:{self.green.port}"]},
            "test_command": [*self.router.command, "-t"],
            "reload_command": [*self.router.command, "-s", "reload"],
            "pid_file": str(self.router.folder / "nginx.pid"),
            "timeout": 3,
            "drain_seconds": 5,
        }
        return run(validated(SPEC, {**given, **options}), check, None)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_colours() as (blue, green):
        with nginx(tmp_path, blue, green) as router:
            yield Place(router, blue, green)


def test_a_switch_under_load_fails_no_request_and_outlives_a_restart(place: Place) -> None:
    place.green.seconds = 0.05
    place.file.chmod(0o640)
    before = place.file.read_text()
    found = place.run()
    assert (found["changed"], found["active"], found["persisted"]) == (False, "green", True)
    # Each request over a connection of its own: at a reload nginx closes idle ones, whatever the client is about to do.
    with Load(place.router.port, lasting=0, single=6) as load:
        load.until("2.7.1", 20)
        assert place.run(True, active="blue")["changed"] is True
        assert place.file.read_text() == before, "check mode changes nothing"
        done = place.run(active="blue", instead_of="green")
        at_the_switch = load.answers["2.7.1"]
        load.until("2.7.0", 50)
        assert load.answers["2.7.1"] == at_the_switch, "nothing reached green after the old workers ended"
    assert load.failures == []
    assert (done["changed"], done["active"], done["persisted"], done["drained"]) == (True, "blue", True, True)
    after = before.replace(" down;", ";").replace(f"{place.green.port};", f"{place.green.port} down;")
    assert place.file.read_text() == after == done["diff"]["after"], "nothing but the marks was touched"
    assert place.file.stat().st_mode & 0o777 == 0o640
    assert place.run(active="blue", instead_of="green")["changed"] is False, "a second run"
    place.router.restart()
    assert place.router.version() == "2.7.0"
    assert place.run(active="green")["changed"] is True, "the way forward"
    assert place.file.read_text() == before


def test_a_configuration_that_fails_its_test_is_restored(place: Place) -> None:
    before = place.file.read_text()
    (place.router.folder / "upstreams" / "broken.conf").write_text("upstream broken { nonsense; }\n")
    with pytest.raises(SelfHealingError, match=r"the test of the configuration failed.*is as it was before.*nonsense"):
        place.run(active="blue")
    assert place.file.read_text() == before
    found = place.run()
    assert (found["active"], found["pending"]) == ("green", False)
    assert place.router.version() == "2.7.1"


def test_a_reload_that_does_not_happen_is_restored(place: Place) -> None:
    before = place.file.read_text()
    with pytest.raises(SelfHealingError, match="nginx started no new workers within 1 s"):
        place.run(active="blue", reload_command=["true"], timeout=1)
    with pytest.raises(SelfHealingError, match="nginx could not be told to reload"):
        place.run(active="blue", reload_command=["false"])
    with pytest.raises(ConfigurationError, match="no-such-program cannot be run: No such file"):
        place.run(active="blue", test_command=["no-such-program"])
    assert place.file.read_text() == before
    assert place.run()["pending"] is False


def test_a_switch_that_was_written_and_never_read_is_carried_on(place: Place) -> None:
    wait_until(lambda: not place.run()["pending"] and time.time() - place.router.started_at > 0.1, "the first workers")
    place.file.write_text(place.run(True, active="blue")["diff"]["after"])
    assert place.run()["pending"] is True
    assert place.router.version() == "2.7.1"
    assert place.run(active="blue", instead_of="green")["changed"] is True
    assert place.router.version() == "2.7.0"
    assert place.run()["pending"] is False


def test_a_colour_that_does_not_answer_gets_nothing(place: Place) -> None:
    with Colour("2.6.9").serving() as gone:
        dead = f"127.0.0.1:{gone.port}"
    place.file.write_text(place.file.read_text().replace("keepalive 8;", f"server {dead} down;"))
    colours = {"blue": [dead], "green": [f"127.0.0.1:{place.green.port}"]}
    with pytest.raises(UnreachableError, match="no server of blue accepts connections"):
        place.run(active="blue", colours=colours)
    both = {**colours, "blue": [f"127.0.0.1:{place.blue.port}", dead]}
    done = place.run(active="blue", colours=both)
    assert done["left_out"] == [dead]
    assert done["colours"]["blue"] == {"servers": 2, "ready": 1}


def test_what_is_wrong_is_told_with_the_mend(place: Place, tmp_path: Path) -> None:
    place.file.write_text(place.file.read_text().replace("keepalive 8;", "server unix:/run/b down;"))
    blue, green = [f"127.0.0.1:{place.blue.port}"], [f"127.0.0.1:{place.green.port}"]
    with pytest.raises(ConflictError, match="green gets the traffic, expected red: somebody switched meanwhile"):
        place.run(colours={"blue": blue, "red": ["unix:/run/b"], "green": green}, active="blue", instead_of="red")
    with pytest.raises(UnreachableError, match="nginx does not run: there is no process of"):
        place.run(pid_file=str(tmp_path / "none.pid"))
    with pytest.raises(ConfigurationError, match="has 0 blocks 'upstream shoe', expected one"):
        place.run(upstream="shoe")
    with pytest.raises(ConfigurationError, match=r"has no line 'server 10\.0\.0\.9:80' in its upstream"):
        place.run(colours={"blue": ["10.0.0.9:80"], "green": [f"127.0.0.1:{place.green.port}"]})
    with pytest.raises(ConfigurationError, match=r"nowhere\.conf does not exist or is empty; name the file"):
        place.run(file=str(tmp_path / "nowhere.conf"))
