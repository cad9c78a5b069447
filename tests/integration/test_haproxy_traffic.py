# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module haproxy_traffic with a real HAProxy, under load where it switches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ApiError,
    ConfigurationError,
    ConflictError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.modules.haproxy_traffic import SPEC, run
from support.routers import Colour, Load, Router, haproxy, missing, two_colours, validated, wait_until

pytestmark = pytest.mark.skipif(missing("haproxy") is not None, reason=str(missing("haproxy")))


@dataclass
class Place:
    router: Router
    blue: Colour
    green: Colour

    def run(self, check: bool = False, **options: Any) -> dict[str, Any]:
        folder = self.router.folder
        given = {
            "backend": "shop",
            "colours": {"blue": ["blue"], "green": ["green"]},
            "socket": str(folder / "admin.sock"),
            "state_file": str(folder / "server-state"),
            "config_file": str(folder / "haproxy.cfg"),
            "timeout": 3,
            "drain_seconds": 5,
        }
        return run(validated(SPEC, {**given, **options}), check, None)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with two_colours() as (blue, green):
        with haproxy(tmp_path, blue, green) as router:
            yield Place(router, blue, green)


def test_a_switch_under_load_fails_no_request_and_outlives_a_restart(place: Place) -> None:
    place.green.seconds = 0.05
    found = place.run()
    assert (found["changed"], found["active"], found["persisted"]) == (False, "green", False)
    with Load(place.router.port, lasting=4, single=4) as load:
        load.until("2.7.1", 20)
        assert place.run(True, active="blue")["changed"] is True
        assert place.router.version() == "2.7.1", "check mode changes nothing"
        done = place.run(active="blue", instead_of="green")
        at_the_switch = load.answers["2.7.1"]
        load.until("2.7.0", 50)
        assert load.answers["2.7.1"] == at_the_switch, "nothing reached green after it was drained"
    assert load.failures == []
    assert (done["changed"], done["active"], done["persisted"], done["drained"]) == (True, "blue", True, True)
    assert done["colours"]["green"]["ready"] == 0
    assert done["diff"]["before"]["live"] == ["green"]
    assert place.run(active="blue", instead_of="green")["changed"] is False, "a second run"
    place.router.restart()
    assert place.run()["active"] == "blue"
    assert place.router.version() == "2.7.0"


def test_a_colour_that_does_not_answer_gets_nothing(place: Place) -> None:
    with Colour("2.6.9").serving() as gone:
        port = gone.port
    config = place.router.folder / "haproxy.cfg"
    config.write_text(config.read_text().replace(f"127.0.0.1:{place.blue.port}", f"127.0.0.1:{port}"))
    place.router.restart()
    with pytest.raises(UnreachableError, match=r"no server of blue accepts connections \(blue\): nothing was switched"):
        place.run(active="blue")
    assert place.run()["colours"]["blue"]["ready"] == 0
    assert place.router.version() == "2.7.1"


def test_a_colour_that_fails_its_health_checks_is_put_back(place: Place) -> None:
    config = place.router.folder / "haproxy.cfg"
    text = config.read_text().replace("backend shop\n", "backend shop\n  option httpchk GET /health\n")
    config.write_text(text.replace(" disabled", ""))
    place.router.restart()
    assert place.run()["live"] == ["blue", "green"], "a switch that broke off in the middle"
    place.run(active="green", instead_of="blue", idle_state="drain")
    place.blue.status = 503
    wait_until(lambda: place.run()["colours"]["blue"]["up"] == 0, "the failed health check")
    with pytest.raises(UnreachableError, match="HAProxy finds no server of blue up after 1 s: they were put back"):
        place.run(active="blue", timeout=1)
    assert place.run()["live"] == ["green"]


def test_somebody_else_switched_meanwhile(place: Place) -> None:
    place.run(active="blue")
    with pytest.raises(ConflictError, match="other gets the traffic, expected green: somebody switched meanwhile"):
        place.run(colours={"green": ["green"], "other": ["blue"]}, active="green", instead_of="green")


def test_what_is_wrong_is_told_with_the_mend(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"there is no socket .*: start HAProxy, or set socket"):
        place.run(socket=str(tmp_path / "none.sock"))
    with pytest.raises(UnreachableError, match=r"no answer on 127\.0\.0\.1:1: .*; look whether HAProxy runs"):
        place.run(socket="127.0.0.1:1")
    with pytest.raises(ApiError, match="give its socket 'level admin'"):
        place.run(socket=str(tmp_path / "reader.sock"), active="blue")
    with pytest.raises(ConfigurationError, match="HAProxy knows no backend shoe"):
        place.run(backend="shoe")
    with pytest.raises(ConfigurationError, match="the backend shop has no server violet"):
        place.run(colours={"blue": ["violet"], "green": ["green"]})
    with pytest.raises(ConfigurationError, match="is no name of a backend or server"):
        place.run(backend="shop; set server shop/green state maint")
    assert place.run()["live"] == ["green"], "nothing was switched"


def test_a_restart_that_would_undo_it_is_told(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "other.cfg"
    config.write_text("global\ndefaults\n  load-server-state-from-file global\n")
    done = place.run(active="blue", config_file=str(config))
    assert done["persisted"] is False
    assert done["reason"] == f"{config} lacks 'server-state-file {tmp_path}/server-state' in its section global"
    nowhere = tmp_path / "nowhere" / "state"
    done = place.run(active="blue", state_file=str(nowhere))
    assert (done["changed"], done["persisted"], done["active"]) == (False, False, "blue")
    assert done["reason"].startswith(f"{nowhere} cannot be written: No such file or directory; correct the path")
