# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the CloudEvent in a request: all of it in the body (structured mode), or attributes in headers (binary mode).

Pure. What the library C(cloudevents) does not mind is refused here: it makes up an id where there is none, and then the
same event would be another one each time it is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, InvalidInputError

try:
    from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
    from cloudevents.core.exceptions import CloudEventValidationError
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent
except ImportError:
    # Told at start, by require_library().
    HTTPMessage = None  # type: ignore[assignment, misc]

_PREFIX = "ce-"
_REQUIRED = ("specversion", "id", "source", "type")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")


def require_library() -> None:
    """Raise ConfigurationError when the library is missing or too old."""
    if HTTPMessage is None:
        raise ConfigurationError(
            "the Python package cloudevents is missing or older than 2.0 in ansible-rulebook's Python: "
            "pip install 'cloudevents>=2.0'"
        )


def read_event(body: Any, headers: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    """Return attributes and data of the event in a request. C(body) is the value of its JSON.

    C(time) is a datetime then. Raises InvalidInputError that names what is missing or wrong.
    """
    given = {name.lower(): value for name, value in headers.items() if name.lower().startswith(_PREFIX)}
    binary = f"{_PREFIX}specversion" in given or f"{_PREFIX}type" in given
    attributes = {name.removeprefix(_PREFIX): value for name, value in given.items()} if binary else _attributes(body)
    what = "the header ce-" if binary else "the CloudEvent's "
    for name in _REQUIRED:
        if not isinstance(attributes.get(name), str) or not attributes[name].strip():
            raise InvalidInputError(f"{what}{name} is missing: send a CloudEvent in structured or binary mode")
    if attributes["specversion"] != "1.0":
        raise InvalidInputError(f"{what}specversion has to be 1.0")
    strange = next((name for name in attributes if not _ATTRIBUTE.fullmatch(name)), None)
    if strange is not None:
        name = ascii(strange)[1:-1][:40]
        raise InvalidInputError(f"{what}{name} is no attribute: names are lower case letters and digits")
    # An empty attribute is none; templates cannot leave one out.
    known = {name: value for name, value in attributes.items() if value not in ("", None)}
    data = body if binary else body.get("data")
    try:
        event = _checked(known, binary)
    except CloudEventValidationError as error:
        wrong = ", ".join(sorted(str(name) for name in error.errors))
        raise InvalidInputError(f"{what}{wrong} is not as CloudEvents want it") from None
    except (TypeError, ValueError, OverflowError):
        raise InvalidInputError(f"{what}time is no moment like 2026-11-22T10:00:00Z") from None
    return dict(event.get_attributes()), data


def _checked(attributes: Mapping[str, Any], binary: bool) -> CloudEvent:
    """Return the event with an empty body: JSON was read already, and more strictly."""
    if binary:
        fields = {f"{_PREFIX}{name}": value for name, value in attributes.items()}
        message = HTTPMessage({**fields, "content-type": "application/json"}, b"{}")
        return from_binary(message, JSONFormat(), CloudEvent)  # type: ignore[return-value]
    message = HTTPMessage({}, json.dumps({**attributes, "data": {}}).encode())
    return from_structured(message, JSONFormat(), CloudEvent)  # type: ignore[return-value]


def _attributes(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise InvalidInputError("the body must be a CloudEvent: a JSON object, or headers ce-*")
    if "data_base64" in body:
        raise InvalidInputError("data_base64 is not taken: send the data as JSON in the field data")
    return {name: value for name, value in body.items() if name != "data"}
