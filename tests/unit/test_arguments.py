# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of code that the conventions rely on overlooks nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.arguments import keys_read


def listen(options: dict[str, Any]) -> str:
    return f"{options.get('host', '127.0.0.1')}:{options['port']}"


def by_position_and_name(args: dict[str, Any]) -> tuple[str, str, bool]:
    return listen(args), listen(options=args), "path" in args


def unknown_method(args: dict[str, Any]) -> list[str]:
    return list(args.keys())


def computed_key(args: dict[str, Any], name: str) -> Any:
    return args[name]


def copied(args: dict[str, Any]) -> dict[str, Any]:
    return {**args}


def test_keys_are_found_here_and_in_what_is_called() -> None:
    assert keys_read(by_position_and_name, "args") == {"host", "port", "path"}


@pytest.mark.parametrize("function", [unknown_method, computed_key, copied])
def test_what_cannot_be_followed_is_told(function: Callable[..., Any]) -> None:
    with pytest.raises(LookupError, match=function.__name__):
        keys_read(function, "args")
