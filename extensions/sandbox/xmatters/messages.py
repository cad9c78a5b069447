# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alert says on each kind of device: in the app, as an e-mail, as a text message, and read out on the phone."""

from __future__ import annotations

from typing import Any

from . import wire
from .company import CALLS, TEXTS
from .model import Alert, Notification


def shown(alert: Alert, notification: Notification) -> dict[str, Any]:
    """Return one message as its receiver has it.

    C(replies) are the options with what is pressed or written for them. C(link) is where the question can be answered
    as well, if the form's property of this name is set.
    """
    device = notification.device
    return {
        "id": notification.id,
        "alert": alert.id,
        "person": notification.person.key,
        "device": device.name,
        "kind": device.kind,
        "address": device.address,
        "at": wire.event_time(notification.created),
        "state": notification.status,
        "subject": alert.subject,
        "text": text(alert, notification),
        "link": alert.link,
        "replies": [
            {"code": notification.code(option.number), "number": option.number, "label": option.text}
            for option in alert.options
        ],
    }


def text(alert: Alert, notification: Notification) -> str:
    """Return what the device shows or says."""
    kind = notification.device.kind
    options = [(notification.code(option.number), option) for option in alert.options]
    if kind in TEXTS:
        replies = ", ".join(f"{code} {option.text}" for code, option in options)
        lines = [alert.short, f"Reply {replies}" if replies else "", alert.link]
        return "\n".join(line for line in lines if line)
    if kind in CALLS:
        spoken = [f"For {option.prompt}, press {code}." for code, option in options]
        greeting = (
            f"This is xMatters with an alert of {alert.priority.lower()} priority for {notification.person.name}."
        )
        return " ".join([greeting, _sentence(alert.short), *spoken])
    return alert.text or alert.subject


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else f"{words}."
