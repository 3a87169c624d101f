"""Single rows, found by an index, right on the event loop.

A look-up takes about ten microseconds: a thread would take longer to be asked. It reads through one kept connection,
with the statement compiled once. Each statement is a transaction of its own, so that a row committed before the
look-up is always seen: what a tag points at is never answered stale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from polly_magic.service.database import Database

__all__ = ["LOOKUPS", "Lookups"]


class Lookups:
    """One reading connection, for the thread of the event loop alone.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._dialect = database.engine.dialect
        self._pooled = database.engine.raw_connection()
        self._connection: Any = self._pooled.driver_connection
        self._compiled: dict[Any, tuple[str, list[str]]] = {}

    # Any, because the types of Select differ between the releases of SQLAlchemy that we run with.
    def row(self, statement: Any, **values: object) -> tuple[Any, ...] | None:
        """Return the one row that `statement` finds with these values for its bound parameters, if there is one."""
        sql, names = self._compiled.get(statement) or self._compile(statement)
        rows: list[tuple[Any, ...]] = self._connection.execute(sql, [values[name] for name in names]).fetchall()
        return rows[0] if rows else None

    def close(self) -> None:
        """Give the connection back."""
        self._pooled.close()

    def _compile(self, statement: Any) -> tuple[str, list[str]]:
        compiled: Any = statement.compile(dialect=self._dialect)
        self._compiled[statement] = str(compiled), list(compiled.positiontup or [])
        return self._compiled[statement]


LOOKUPS: web.AppKey[Lookups] = web.AppKey("lookups", Lookups)
