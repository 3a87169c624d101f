"""The database: opened, migrated and checked; reads side by side, writes one after the other.

SQLite takes one writer at a time. A thread of its own carries all writes, and those that wait while one is being
made durable share the next transaction: its cost is the flush to disk, not the rows. Each of them has a savepoint,
so one that fails takes nothing of the others along.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from polly_magic.errors import StoreUnusable

T = TypeVar("T")

# How many writes may share one transaction: enough to hide the flush, few enough to keep an answer prompt.
BATCH = 64


class Database:
    """All access to the tables.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="database-reader")
        self._writes: queue.SimpleQueue[tuple[Callable[[Connection], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_on, name="database-writer", daemon=True)
        self._writer.start()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that only reads, for the calling thread."""
        with self.engine.connect() as connection:
            yield connection

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Run `function` in a thread: for what may take longer than an indexed look-up."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, function)

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Run `function` in a transaction; return once it is durable.

        `function` may be run in one transaction with others, and sees what they wrote before it. Whatever it raises
        undoes what it wrote and is raised here.
        """
        return await asyncio.wrap_future(self._submit(function))

    def write_now(self, function: Callable[[Connection], T]) -> T:
        """Do what `write` does, for a caller outside the event loop."""
        return self._submit(function).result()

    def close(self) -> None:
        """Finish the writes under way and let go of the file."""
        self._writes.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _read(self, function: Callable[[Connection], T]) -> T:
        with self.reading() as connection:
            return function(connection)

    def _submit(self, function: Callable[[Connection], T]) -> Future[T]:
        future: Future[T] = Future()
        self._writes.put((function, future))
        return future

    def _write_on(self) -> None:
        while (first := self._writes.get()) is not None:
            batch = [first]
            stop = False
            while len(batch) < BATCH and not self._writes.empty():
                following = self._writes.get()
                if following is None:
                    stop = True
                    break
                batch.append(following)
            self._write_batch(batch)
            if stop:
                return

    def _write_batch(self, batch: list[tuple[Callable[[Connection], Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with self.engine.connect() as connection, connection.begin():
                for function, future in batch:
                    # A request that was given up while it waited: nothing to do; from here on it can't be cancelled.
                    if not future.set_running_or_notify_cancel():
                        continue
                    try:
                        with connection.begin_nested():
                            done.append((future, function(connection)))
                    except Exception as error:  # noqa: BLE001 - belongs to whoever waits for the future
                        failed.append((future, error))
        except Exception as error:  # noqa: BLE001 - the transaction itself: nothing of the batch is kept
            settled = {id(future) for future, _ in failed}
            failed += [(future, error) for _, future in batch if id(future) not in settled and not future.cancelled()]
            done = []
        for future, value in done:
            future.set_result(value)
        for future, error in failed:
            future.set_exception(error)


def open_database(path: Path) -> Database:
    """Open the SQLite file at `path`, creating or migrating it.

    Raises
    ------
    StoreUnusable
        The file is damaged, is no database, or was made by a newer polly-magic.
    """
    new = not path.exists()
    if new:
        path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        if not new:
            _check(engine, path)
        _migrate(engine, path)
    except DatabaseError as error:
        engine.dispose()
        raise _damaged(path, str(error.orig)) from error
    except StoreUnusable:
        engine.dispose()
        raise
    return Database(engine)


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling starts them late and deferred; `_begin` takes over.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Only the writer's thread (and migrations) may take the write lock, and takes it at once: no upgrade can fail.
    writes = threading.current_thread().name == "database-writer"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check(engine: Engine, path: Path) -> None:
    with engine.connect() as connection:
        finding = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if finding != "ok":
        raise _damaged(path, str(finding))


def _damaged(path: Path, detail: str) -> StoreUnusable:
    return StoreUnusable(
        f"The service's database {path} is damaged: {detail.splitlines()[0]}.",
        "Stop the service and put a backup in its place (with the files -wal and -shm beside it removed).",
    )


def _migrate(engine: Engine, path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", "polly_magic.service:migrations")
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == script.get_current_head():
        return
    if current is not None and current not in {revision.revision for revision in script.walk_revisions()}:
        raise StoreUnusable(
            f"The service's database {path} was made by a newer polly-magic (schema {current}).",
            "Upgrade with: pip install --upgrade 'polly-magic[service]'",
        )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
