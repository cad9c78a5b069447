# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks C(down) in the text of a configuration of nginx, and nothing else of it."""

from __future__ import annotations

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.nginx_upstream import entries, with_down

TEXT = """\
# upstream shop { server old:1; }
upstream cart { server b:1; }
upstream "shop" {
\tzone shop 64k;   # server c:1;
\tserver b:1 weight=2
\t    max_fails=0 down; # the "blue" one; it's down
\tserver 'g:1'; server spare:1 backup;
\tserver other:1 down;
}
map $a $upstream_shop { default "upstream shop { server b:1; }"; }
"""


def test_the_servers_of_one_upstream() -> None:
    found = [(entry.address, entry.down, entry.backup) for entry in entries(TEXT, "shop")]
    assert found == [("b:1", True, False), ("g:1", False, False), ("spare:1", False, True), ("other:1", True, False)]


def test_only_the_marks_change() -> None:
    changed = with_down(TEXT, "shop", {"g:1"}, {"b:1", "g:1"})
    assert changed == TEXT.replace("max_fails=0 down;", "max_fails=0;").replace("server 'g:1';", "server 'g:1' down;")
    assert with_down(changed, "shop", {"b:1"}, {"b:1", "g:1"}) == TEXT
    assert with_down(TEXT, "shop", {"b:1"}, {"b:1", "g:1"}) == TEXT, "a second time"


@pytest.mark.parametrize(
    "text", ["", "upstream shop;", "upstream shoe { server b:1; }", f"{TEXT}{TEXT}", "upstream shop {"]
)
def test_it_is_there_once(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"blocks 'upstream shop', expected one"):
        entries(text, "shop")
