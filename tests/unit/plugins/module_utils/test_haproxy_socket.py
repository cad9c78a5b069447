# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy says of its servers, and the file in which they are kept."""

from __future__ import annotations

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import AnswerError
from ansible_collections.self_healing.devops.plugins.module_utils.haproxy_socket import (
    beginning,
    merged_state,
    servers_in,
    states_in,
)

HEAD = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"
HEAD += " srv_time_since_last_change srv_port"
STATISTICS = "# pxname,svname,qcur,scur,bck\nshop,b1,1,4,0\ncart,b1,0,9,0\nshop,spare,0,0,1\n"


def state(*lines: str) -> str:
    return "\n".join(["1", HEAD, *lines]) + "\n\n"


@pytest.mark.parametrize(
    ("admin", "weight", "wanted"),
    # Bit 4 says that the configuration had it disabled once, and nothing of now.
    [
        (0, 1, "ready"),
        (4, 1, "ready"),
        (1, 1, "maint"),
        (5, 1, "maint"),
        (2, 1, "maint"),
        (8, 1, "drain"),
        (0, 0, "drain"),
    ],
)
def test_what_people_wanted_of_a_server(admin: int, weight: int, wanted: str) -> None:
    line = f"3 shop 1 b1 10.0.0.7 2 {admin} {weight} 1 15 8080"
    found = servers_in(state(line, "4 cart 1 b1 10.0.0.9 2 1 1 1 1 80"), STATISTICS, "shop")
    assert list(found) == ["b1"]
    server = found["b1"]
    assert (server.state, server.up, server.sessions, server.since_seconds) == (wanted, True, 5, 15)
    assert states_in(state(line), "shop") == {"b1": wanted}


def test_an_emergency_server_is_known() -> None:
    found = servers_in(state("3 shop 2 spare - 0 0 1 1 0 0"), STATISTICS, "shop")["spare"]
    assert (found.backup, found.up) == (True, False)


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(AnswerError, match="its state of shop/b1 cannot be read"):
        servers_in(state("3 shop 1 b1 10.0.0.7 two 0 1 1 15 8080"), STATISTICS, "shop")
    with pytest.raises(AnswerError, match="its statistics cannot be read: Permission denied"):
        servers_in(state(), "Permission denied\n", "shop")


def test_the_file_keeps_what_it_says_of_other_backends() -> None:
    old, other, new = "3 shop 1 b1 a 2 0 1 1 9 80", "4 cart 1 b1 a 0 1 1 1 9 80", "3 shop 1 b1 a 0 1 1 1 0 80"
    answer = state(new)
    assert merged_state("", answer, "shop") == "\n".join(["1", HEAD, new]) + "\n"
    assert merged_state(state(old, other), answer, "shop") == "\n".join(["1", HEAD, other, new]) + "\n"
    # Of another version of HAProxy: its columns mean something else.
    assert merged_state(f"1\n# be_id be_name\n{other}\n", answer, "shop") == "\n".join(["1", HEAD, new]) + "\n"


def test_what_is_shown_is_one_short_line() -> None:
    assert beginning("No such\x1b[31m server.\n\n" + "x" * 1000) == "No such [31m server. " + "x" * 179
