"""The database: opened, migrated and checked; reads side by side, writes one after the other.

SQLite takes one writer at a time. A thread of its own carries all writes, and those that wait while one is being
made durable share the next transaction: its cost is the flush to disk, not the rows. Each of them has a savepoint,
so one that fails takes nothing of the others along.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import secrets
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from polly_magic.errors import StoreUnusable

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
_Write = tuple[Callable[[Connection], Any], Future[Any]]

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
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_on, name="database-writer", daemon=True)
        self._writer.start()

    @contextmanager
    def reading(self) -> Generator[Connection]:
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
        """Finish the writes under way and let go of the file. Whoever writes after that is refused."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._writes.put(None)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _read(self, function: Callable[[Connection], T]) -> T:
        with self.reading() as connection:
            return function(connection)

    def _submit(self, function: Callable[[Connection], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise RuntimeError("the database is closed")
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
            # A request that was given up while it waited: nothing to do; from here on it can't be cancelled.
            self._write_batch([write for write in batch if write[1].set_running_or_notify_cancel()])
            if stop:
                return

    def _write_batch(self, batch: list[_Write]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: dict[Future[Any], Exception] = {}
        try:
            with self.engine.connect() as connection, connection.begin():
                for function, future in batch:
                    savepoint = connection.begin_nested()
                    try:
                        value = function(connection)
                        savepoint.commit()
                    except Exception as error:
                        failed[future] = error
                        if not _goes_on(connection):
                            raise
                        savepoint.rollback()
                    else:
                        done.append((future, value))
        except Exception as error:  # noqa: BLE001 - the transaction itself: nothing of the batch is kept
            done = []
            failed = {future: failed.get(future, error) for _, future in batch}
        for future, value in done:
            future.set_result(value)
        for future, error in failed.items():
            future.set_exception(error)


def open_database(path: Path) -> Database:
    """Open the SQLite file at `path`, creating or migrating it.

    Raises
    ------
    StoreUnusable
        The file is damaged, is no database, can't be opened, or was made by a newer polly-magic.
    """
    try:
        if not path.exists():
            _create(path)
        engine = _engine(path)
        try:
            _check(engine, path)
            _migrate(engine, path)
        except BaseException:
            engine.dispose()
            raise
    except OperationalError as error:
        raise _unusable(path, str(error.orig)) from error
    except DatabaseError as error:
        raise _damaged(path, str(error.orig)) from error
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    return Database(engine)


def _create(path: Path) -> None:
    """Make the file complete or not at all, so that an empty one is a damaged one."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    fresh.touch(mode=0o600, exist_ok=False)
    try:
        engine = _engine(fresh)
        try:
            _migrate(engine, fresh)
        finally:
            engine.dispose()
        with contextlib.suppress(FileExistsError):  # somebody else was faster
            os.link(fresh, path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


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


def _goes_on(connection: Connection) -> bool:
    """Whether the transaction outlived an error: SQLite ends it by itself where the disk is full or fails."""
    return connection.connection.driver_connection.in_transaction  # pyright: ignore[reportOptionalMemberAccess]


def _check(engine: Engine, path: Path) -> None:
    if path.stat().st_size == 0:
        raise _damaged(path, "the file is empty")
    with engine.connect() as connection:
        finding = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if finding != "ok":
        raise _damaged(path, str(finding))


def _unusable(path: Path, detail: str) -> StoreUnusable:
    return StoreUnusable(
        f"The service's database {path} can't be used: {detail.splitlines()[0]}.",
        "See that its disk has room, and that you may write to it and its directory.",
    )


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
