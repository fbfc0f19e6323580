"""The shop's bundled database, read only: SQLite in memory, made from `data/shop.sql`."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent / "data" / "shop.sql"


def rows(sql: str, *values: str) -> list[dict[str, Any]]:
    """The rows of a query, each as column name -> value.

    Every query has a database of its own, which takes about a millisecond at this size: calls in several threads
    share nothing, and nothing a query does outlives it.
    """
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_script())
        database.execute("PRAGMA query_only = ON")
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(sql, values)]


@cache
def _script() -> str:
    """The text of `shop.sql`, read once in the life of this module, so a release never sees two states of the file."""
    return SCRIPT.read_text(encoding="utf-8")
