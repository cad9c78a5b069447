# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what a request wants to set, and sets it. All wrong fields are named at once, as Jira does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from .answers import BAD_PAYLOAD, NOT_ON_SCREEN, RefusedError
from .catalogue import (
    ISSUE_TYPES,
    KEY_LIMIT,
    PRIORITIES,
    PROPERTY_LIMIT,
    RESOLUTIONS,
    SCREEN,
    SUMMARY_LIMIT,
    TEXT_LIMIT,
    Named,
    find,
)
from .rich_text import DocumentError, RichText, from_document, from_wiki
from .store import Change, Issue, Store, User

ADF_WANTED = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
STRING_WANTED = "Operation value must be a string"
Found = TypeVar("Found")


class WrongValueError(ValueError):
    """A value cannot be set; the text is Jira's."""


@dataclass
class Wanted:
    """The checked content of one request."""

    values: dict[str, Any] = field(default_factory=dict)
    comments: list[RichText] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


class Editor:
    """Reads requests of one version of the API."""

    def __init__(self, store: Store, version: str, *, cloud: bool) -> None:
        self._store = store
        self._version = version
        self._cloud = cloud

    def rich(self, value: Any) -> RichText:
        """Return a long text: wiki in v2, a document in v3. Raises WrongValueError."""
        if self._version == "3":
            try:
                text = from_document(value)
            except DocumentError:
                raise WrongValueError(ADF_WANTED) from None
        elif isinstance(value, str):
            text = from_wiki(value, cloud=self._cloud)
        else:
            raise WrongValueError(STRING_WANTED)
        if len(text.wiki) > TEXT_LIMIT:
            raise WrongValueError(
                f"The entered text is too long. It exceeds the allowed limit of {TEXT_LIMIT:,} characters."
            )
        return text

    def read(
        self, body: Mapping[str, Any], *, screen: Mapping[str, Any] = SCREEN, issue: Issue | None = None
    ) -> Wanted:
        """Return what C(body) asks of C(issue), or of a new one when that is None. Raises RefusedError."""
        fields, update = body.get("fields") or {}, body.get("update") or {}
        if not isinstance(fields, dict) or not isinstance(update, dict):
            raise RefusedError(400, BAD_PAYLOAD)
        errors: dict[str, str] = {}
        wanted = Wanted(properties=read_properties(body.get("properties")))
        for name in fields.keys() & update.keys():
            errors[name] = f"Field '{name}' cannot appear in both 'fields' and 'update'."
        for name, value in fields.items():
            self._try(errors, name, partial(self._set, wanted, screen, name, value))
        for name, operations in update.items():
            self._try(errors, name, partial(self._update, wanted, screen, issue, name, operations))
        if issue is None:
            for name, text in self._missing(wanted).items():
                errors.setdefault(name, text)
        if errors:
            raise RefusedError(400, **errors)
        return wanted

    @staticmethod
    def _try(errors: dict[str, str], name: str, read: Callable[[], None]) -> None:
        try:
            read()
        except WrongValueError as error:
            errors[name] = str(error)

    @staticmethod
    def _missing(wanted: Wanted) -> dict[str, str]:
        texts = {
            "project": "valid project is required",
            "issuetype": "Specify a valid issue type",
            "summary": "You must specify a summary of the issue.",
        }
        return {name: text for name, text in texts.items() if name not in wanted.values}

    def _set(self, wanted: Wanted, screen: Mapping[str, Any], name: str, value: Any) -> None:
        if name not in screen:
            raise WrongValueError(NOT_ON_SCREEN.format(name))
        wanted.values[name] = self._value(name, value)

    def _update(
        self, wanted: Wanted, screen: Mapping[str, Any], issue: Issue | None, name: str, operations: Any
    ) -> None:
        steps: list[Any] = operations if isinstance(operations, list) else [None]
        if not all(isinstance(step, dict) and len(step) == 1 for step in steps):
            raise WrongValueError("Operations must be a list of objects with one member each.")
        if name == "comment":
            for step in steps:
                wanted.comments.append(self.rich((step.get("add") or {}).get("body")))
            return
        for step in steps:
            ((verb, value),) = step.items()
            if verb == "set":
                self._set(wanted, screen, name, value)
            elif name == "labels" and verb in ("add", "remove"):
                present = wanted.values.get("labels", list(issue.labels) if issue else [])
                others = [label for label in present if label != value]
                wanted.values["labels"] = self._labels([*others, value] if verb == "add" else others)
            else:
                raise WrongValueError(f"Operation '{verb}' is not supported for the field '{name}'.")

    def _value(self, name: str, value: Any) -> Any:
        readers: dict[str, Callable[[Any], Any]] = {
            "project": self._project,
            "issuetype": lambda v: _found(find(ISSUE_TYPES, v), "Specify a valid issue type"),
            "summary": _summary,
            "description": lambda v: None if v is None else self.rich(v),
            "environment": lambda v: None if v is None else self.rich(v),
            "priority": lambda v: _found(find(PRIORITIES, v), "The priority selected is invalid."),
            "labels": self._labels,
            "assignee": self._user,
            "reporter": self._user,
            "resolution": _resolution,
        }
        return readers[name](value)

    def _project(self, value: Any) -> str:
        project = self._store.project
        reference = value if isinstance(value, dict) else {}
        if reference.get("key") == project.key or str(reference.get("id")) == project.id:
            return project.key
        raise WrongValueError("valid project is required")

    def _labels(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
            raise WrongValueError("data was not an array")
        for label in value:
            if any(character.isspace() for character in label):
                raise WrongValueError(f"The label '{label}' contains spaces which is invalid.")
            if not label or len(label) > KEY_LIMIT:
                raise WrongValueError("The label is too long or empty.")
        return list(dict.fromkeys(value))

    def _user(self, value: Any) -> User | None:
        if value is None:
            return None
        reference = value.get("accountId" if self._cloud else "name") if isinstance(value, dict) else None
        return _found(self._store.user(reference), "The user does not exist or cannot be chosen.")


def read_properties(value: Any) -> dict[str, Any]:
    """Return C([{"key": …, "value": …}]) as a mapping. Raises RefusedError."""
    if value is None:
        return {}
    if not isinstance(value, list) or not all(isinstance(entry, dict) and "key" in entry for entry in value):
        raise RefusedError(400, BAD_PAYLOAD)
    return {check_property(entry["key"], entry.get("value")): entry.get("value") for entry in value}


def check_property(key: Any, value: Any) -> str:
    """Return the key of an entity property that may be stored. Raises RefusedError."""
    if not isinstance(key, str) or not 0 < len(key) <= KEY_LIMIT:
        raise RefusedError(400, f"The property key must have 1 to {KEY_LIMIT} characters.")
    if value is None or value == "":
        raise RefusedError(400, "The property value cannot be empty.")
    if len(json.dumps(value)) > PROPERTY_LIMIT:
        raise RefusedError(400, f"The property value is too long. The maximum length is {PROPERTY_LIMIT} characters.")
    return key


def assign(issue: Issue, values: Mapping[str, Any]) -> list[Change]:
    """Set the values on C(issue) and return what changed."""
    changes = []
    for name, value in values.items():
        if name == "project":
            continue
        attribute = {"issuetype": "type"}.get(name, name)
        before = getattr(issue, attribute)
        if before != value:
            setattr(issue, attribute, value)
            changes.append(Change(name, _shown(before), _shown(value)))
    return changes


def _shown(value: Any) -> tuple[str | None, str | None]:
    if isinstance(value, RichText):
        return None, value.wiki
    if isinstance(value, User):
        return value.account_id, value.name
    if isinstance(value, list):
        return None, " ".join(value)
    if isinstance(value, str) or value is None:
        return None, value
    return str(value.id), value.name


def _summary(value: Any) -> str:
    if not isinstance(value, str):
        raise WrongValueError(STRING_WANTED)
    if not value.strip():
        raise WrongValueError("You must specify a summary of the issue.")
    if "\n" in value or "\r" in value:
        raise WrongValueError("The summary is invalid because it contains newline characters.")
    if len(value) > SUMMARY_LIMIT:
        raise WrongValueError(f"Summary can't exceed {SUMMARY_LIMIT} characters.")
    return value.strip()


def _resolution(value: Any) -> Named:
    return _found(find(RESOLUTIONS, value), "The resolution selected is invalid.")


def _found(value: Found | None, text: str) -> Found:
    if value is None:
        raise WrongValueError(text)
    return value
