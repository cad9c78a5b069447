# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the addresses of links in templates, with the settings of a playbook."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.link_settings import answer_url, link_secrets
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import Link, LinkKeys, ReportLink


def address_of(link: Link | ReportLink | None, secrets: Any, url: Any) -> str:
    """Return the address of a link, empty for none, and when there are neither secrets nor an address.

    Raises AnsibleFilterError when a setting is wrong, also where there is no link.
    """
    try:
        known, base = link_secrets(secrets), answer_url(url)
        if not known and not base:
            return ""
        if not base:
            raise ConfigurationError("self_healing_link_secrets is set without self_healing_answer_url")
        keys = LinkKeys(known)
    except ConfigurationError as error:
        raise AnsibleFilterError(error.message) from None
    if link is None:
        return ""
    return f"{base}/{keys.report_token(link) if isinstance(link, ReportLink) else keys.token(link)}"
