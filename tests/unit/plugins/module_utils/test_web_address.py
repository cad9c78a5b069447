# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and browsers may be led to."""

from __future__ import annotations

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.web_address import is_web_address


@pytest.mark.parametrize(
    ("link", "fine"),
    [
        ("https://a.example/x", True),
        ("http://127.0.0.1:80/", True),
        ("javascript:alert(1)", False),
        ("//a.example", False),
        ("https://", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_web_addresses(link: str, fine: bool) -> None:
    assert is_web_address(link) is fine
