# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out which keys of a mapping a function reads, by reading its code and that of the functions it hands it to."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def keys_read(function: Callable[..., Any], parameter: str) -> set[str]:
    """Return the literal keys that C(function) reads of its mapping C(parameter), called functions included.

    Raises LookupError where the mapping is used in a way that cannot be followed, so that nothing is overlooked.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = inspect.unwrap(function).__globals__
    found: set[str] = set()
    followed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is(node.value, parameter):
            followed.add(node.value)
            found.add(_literal(node.slice, function))
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and _is(node.func.value, parameter):
                followed.add(node.func.value)
                if node.func.attr != "get":
                    raise LookupError(f"{function.__qualname__} calls {parameter}.{node.func.attr}()")
                found.add(_literal(node.args[0], function))
            for position, argument in enumerate(node.args):
                if _is(argument, parameter):
                    followed.add(argument)
                    found |= _keys_of_callee(_resolve(node.func, names, function), position)
            for keyword in node.keywords:
                if _is(keyword.value, parameter) and keyword.arg:
                    followed.add(keyword.value)
                    found |= keys_read(_resolve(node.func, names, function), keyword.arg)
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1 and _is(node.comparators[0], parameter):
            followed.add(node.comparators[0])
            found.add(_literal(node.left, function))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and _is(node, parameter) and node not in followed:
            raise LookupError(f"{function.__qualname__} uses {parameter} in line {node.lineno} in an unknown way")
    return found


def _keys_of_callee(callee: Callable[..., Any], position: int) -> set[str]:
    parameters = list(inspect.signature(callee).parameters)
    return keys_read(callee, parameters[position])


def _resolve(node: ast.expr, names: dict[str, Any], function: Callable[..., Any]) -> Callable[..., Any]:
    try:
        found = eval(compile(ast.Expression(node), "<callee>", "eval"), dict(names))
    except Exception as error:
        raise LookupError(f"{function.__qualname__} hands its arguments to {ast.unparse(node)}: {error}") from error
    resolved: Callable[..., Any] = found
    return resolved


def _is(node: ast.AST, parameter: str) -> bool:
    return isinstance(node, ast.Name) and node.id == parameter


def _literal(node: ast.expr, function: Callable[..., Any]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise LookupError(f"{function.__qualname__} reads the key {ast.unparse(node)}, which is not literal")
