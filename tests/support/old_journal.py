# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals that older releases wrote, and what a database looks like."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

VERSION_1 = Path(__file__).absolute().with_name("journal_v1.sql")
#: What is declared in another way on PostgreSQL, as the file marks it.
_SERIAL = ("INTEGER NOT NULL /* postgresql: SERIAL */", "SERIAL NOT NULL")


def engine(place: str) -> sa.Engine:
    """Return an engine for a path or URL, without anything that the journal does to its connections."""
    return sa.create_engine(place if "://" in place else f"sqlite:///{place}")


def load(script: Path, place: str) -> None:
    """Make the journal that a script describes at a place where there is none."""
    text = script.read_text("utf-8")
    if "://" not in place:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(place)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(text)
        return
    import psycopg

    with psycopg.connect(place.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(text.replace(*_SERIAL).encode())


def rows(place: str) -> dict[str, list[dict[str, Any]]]:
    """Return everything that is in a database, by table."""
    opened = engine(place)
    metadata = sa.MetaData()
    metadata.reflect(opened)
    with opened.connect() as connection:
        found = {
            table.name: [
                dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
        }
    opened.dispose()
    return found


def structure(place: str) -> dict[str, Any]:
    """Return what a database declares: tables, columns with types and nullability, keys, indexes, constraints."""
    opened = engine(place)
    look = sa.inspect(opened)
    found = {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in look.get_columns(table)
            },
            "primary key": look.get_pk_constraint(table)["constrained_columns"],
            "indexes": {index["name"]: (index["column_names"], index["unique"]) for index in look.get_indexes(table)},
            "unique": {key["name"]: key["column_names"] for key in look.get_unique_constraints(table)},
            "foreign keys": [
                (key["constrained_columns"], key["referred_table"]) for key in look.get_foreign_keys(table)
            ],
        }
        for table in look.get_table_names()
    }
    opened.dispose()
    return found
