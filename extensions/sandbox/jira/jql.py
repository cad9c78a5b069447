# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of JQL that a ticketing integration uses.

C(field operator value), joined by AND, OR, NOT and parentheses, then ORDER BY. Names and values that do not exist are
refused, as Jira does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .catalogue import CATEGORIES, ISSUE_TYPES, PRIORITIES, RESOLUTIONS, STATUSES
from .store import Issue

Test = Callable[[Issue], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<sign>!=|!~|>=|<=|[=~<>(),])|(?P<word>[^\s=!~<>(),"']+))""",
    re.DOTALL,
)
_READERS: dict[str, Callable[[Issue], Iterable[str]]] = {
    "project": lambda issue: [issue.key.rsplit("-", 1)[0], "10000"],
    "labels": lambda issue: issue.labels,
    "status": lambda issue: [issue.status.name, issue.status.id],
    "statuscategory": lambda issue: [
        issue.status.category.name,
        issue.status.category.key,
        str(issue.status.category.id),
    ],
    "issuetype": lambda issue: [issue.type.name, issue.type.id],
    "priority": lambda issue: [issue.priority.name, issue.priority.id],
    "resolution": lambda issue: [issue.resolution.name, issue.resolution.id] if issue.resolution else [],
    "key": lambda issue: [issue.key, str(issue.id)],
    "reporter": lambda issue: [issue.reporter.account_id] if issue.reporter else [],
    "assignee": lambda issue: [issue.assignee.account_id] if issue.assignee else [],
    "summary": lambda issue: [issue.summary],
    "description": lambda issue: [issue.description.plain] if issue.description else [],
    "text": lambda issue: [issue.summary, issue.description.plain if issue.description else ""],
    "created": lambda issue: [issue.created.isoformat()],
    "updated": lambda issue: [issue.updated.isoformat()],
}
_OTHER_NAMES = {"type": "issuetype", "issue": "key", "issuekey": "key", "id": "key", "createddate": "created"}
_KNOWN: dict[str, set[str]] = {
    "status": {value for status in STATUSES for value in (status.name.casefold(), status.id)},
    "statuscategory": {v for c in CATEGORIES for v in (c.name.casefold(), c.key, str(c.id))},
    "issuetype": {value for kind in ISSUE_TYPES for value in (kind.name.casefold(), kind.id)},
    "priority": {value for kind in PRIORITIES for value in (kind.name.casefold(), kind.id)},
    "resolution": {v for kind in RESOLUTIONS for v in (kind.name.casefold(), kind.id)} | {"unresolved", "done"},
}
_SEARCHED_AS_TEXT = frozenset({"summary", "description", "text"})
_ORDERS: dict[str, Callable[[Issue], Any]] = {
    "created": lambda issue: (issue.created, issue.id),
    "updated": lambda issue: (issue.updated, issue.id),
    "key": lambda issue: issue.number,
    "priority": lambda issue: -int(issue.priority.id),
    "status": lambda issue: issue.status.id,
    "summary": lambda issue: issue.summary,
}


class JqlError(ValueError):
    """The query cannot be answered; the text is Jira's."""


@dataclass(frozen=True)
class Query:
    """A parsed query. C(test) is None when nothing restricts it."""

    test: Test | None
    orders: tuple[tuple[str, bool], ...] = ()

    def fits(self, issue: Issue) -> bool:
        return self.test is None or self.test(issue)

    def ordered(self, issues: list[Issue]) -> list[Issue]:
        issues = sorted(issues, key=lambda issue: issue.id, reverse=True)
        for name, descending in reversed(self.orders):
            issues.sort(key=_ORDERS[name], reverse=descending)
        return issues


def parse(jql: str, projects: Iterable[str]) -> Query:
    """Return the query. C(projects) are the keys, names and ids that exist. Raises JqlError."""
    parser = _Parser(_tokens(jql), {project.casefold() for project in projects})
    return parser.query()


def _tokens(jql: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while position < len(jql.rstrip()):
        found = _TOKEN.match(jql, position)
        if found is None:
            raise JqlError(f"Error in the JQL Query: The character at position {position} cannot be read.")
        kind = str(found.lastgroup)
        value = re.sub(r"\\(.)", r"\1", found[kind][1:-1]) if kind == "text" else found[kind]
        tokens.append((kind, value))
        position = found.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], projects: set[str]) -> None:
        self._tokens = tokens
        self._projects = projects
        self._position = 0

    def query(self) -> Query:
        test = None if self._peek() in ("", "order") else self._either()
        orders: list[tuple[str, bool]] = []
        if self._take("order"):
            self._expect("by")
            while True:
                name = self._field(self._next()[1])
                if name not in _ORDERS:
                    raise JqlError(f"Not able to sort using field '{name}'.")
                descending = self._take("desc")
                if not descending:
                    self._take("asc")
                orders.append((name, descending))
                if not self._take(","):
                    break
        if self._position < len(self._tokens):
            raise JqlError(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{self._next()[1]}'.")
        return Query(test, tuple(orders))

    def _either(self) -> Test:
        tests = [self._all()]
        while self._take("or"):
            tests.append(self._all())
        return lambda issue: any(test(issue) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda issue: all(test(issue) for test in tests)

    def _one(self) -> Test:
        if self._take("not"):
            inner = self._one()
            return lambda issue: not inner(issue)
        if self._take("("):
            inner = self._either()
            self._expect(")")
            return inner
        return self._clause()

    def _clause(self) -> Test:
        name = self._field(self._next()[1])
        read = _READERS[name]
        operator = self._next()[1].lower()
        if operator == "is":
            negated = self._take("not")
            if self._next()[1].lower() not in ("empty", "null"):
                raise JqlError("Error in the JQL Query: 'is' is followed by EMPTY.")
            return lambda issue: bool(list(read(issue))) is negated
        if operator in ("in", "not"):
            if operator == "not":
                self._expect("in")
            values = self._list(name)
            return lambda issue: any(v.casefold() in values for v in read(issue)) is (operator == "in")
        value = self._next()[1]
        if operator in ("~", "!~"):
            if name not in _SEARCHED_AS_TEXT:
                raise JqlError(f"The operator '{operator}' is not supported by the '{name}' field.")
            words = value.strip('"').casefold().split()
            return lambda issue: all(w in " ".join(read(issue)).casefold() for w in words) is (operator == "~")
        if operator in (">", ">=", "<", "<=") and name in ("created", "updated"):
            return lambda issue: _compare(next(iter(read(issue)))[: len(value)], operator, value.replace(" ", "T"))
        if operator not in ("=", "!=") or name in _SEARCHED_AS_TEXT:
            raise JqlError(f"The operator '{operator}' is not supported by the '{name}' field.")
        wanted = self._value(name, value)
        if name == "resolution" and wanted == "unresolved":
            return lambda issue: (issue.resolution is None) is (operator == "=")
        return lambda issue: (wanted in (v.casefold() for v in read(issue))) is (operator == "=")

    def _list(self, name: str) -> set[str]:
        self._expect("(")
        values = {self._value(name, self._next()[1])}
        while self._take(","):
            values.add(self._value(name, self._next()[1]))
        self._expect(")")
        return values

    def _value(self, name: str, value: str) -> str:
        known = self._projects if name == "project" else _KNOWN.get(name)
        if known is not None and value.casefold() not in known:
            raise JqlError(f"The value '{value}' does not exist for the field '{name}'.")
        return value.casefold()

    def _field(self, name: str) -> str:
        lower = _OTHER_NAMES.get(name.lower(), name.lower())
        if lower not in _READERS:
            raise JqlError(f"Field '{name}' does not exist or you do not have permission to view it.")
        return lower

    def _peek(self) -> str:
        if self._position >= len(self._tokens):
            return ""
        kind, value = self._tokens[self._position]
        return value if kind == "sign" else value.lower() if kind == "word" else "\0"

    def _take(self, value: str) -> bool:
        if self._peek() != value:
            return False
        self._position += 1
        return True

    def _expect(self, value: str) -> None:
        if not self._take(value):
            raise JqlError(f"Error in the JQL Query: Expecting '{value}'.")

    def _next(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            raise JqlError("Error in the JQL Query: Expecting more before the end of the query.")
        self._position += 1
        return self._tokens[self._position - 1]


def _compare(left: str, operator: str, right: str) -> bool:
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator]
