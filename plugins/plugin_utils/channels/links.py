# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers by signed links: the pages to which they lead."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.link_settings import answer_url, link_secrets
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import LinkKeys
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Channel, Desk, Open, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Proven
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_answers import MAX_BODY, LinkAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import path_from

LOGGER = logging.getLogger(__name__)


def prepare(args: Mapping[str, Any]) -> Open | None:
    """Return what opens the channel; None when neither secrets nor an address are set. Raises ConfigurationError."""
    path = path_from(args.get("answer_path", "/answer"), "source answers: answer_path")
    secrets = link_secrets(args.get("self_healing_link_secrets"))
    url = answer_url(args.get("self_healing_answer_url"))
    if not secrets and not url:
        LOGGER.info("signed links are not set up: no answers are taken from them")
        return None
    if not secrets or not url:
        missing = "self_healing_answer_url" if secrets else "self_healing_link_secrets"
        raise ConfigurationError(
            f"source answers: {missing} is missing: give it as argument or as environment variable {missing.upper()}"
        )
    keys = LinkKeys(secrets)

    def opened(desk: Desk) -> Channel:
        pages = LinkAnswers(desk, keys, url)
        served = ServedPath(
            path,
            pages.handle,
            Proven("link"),
            methods=("GET", "HEAD", "POST"),
            raw=True,
            below=True,
            max_body=MAX_BODY,
        )
        return Channel("link", paths=(served,))

    return opened
