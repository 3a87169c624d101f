"""The database: writes that share a transaction, errors, the end, and a disk that is full."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from polly_magic.service.database import BATCH, Database, open_database
from polly_magic.service.schema import organizations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "db")
    yield database
    database.close()


def add(name: str) -> Callable[[Connection], str]:
    def run(connection: Connection) -> str:
        connection.execute(insert(organizations).values(name=name, created_at=0))
        return name

    return run


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(organizations.c.name).order_by(organizations.c.id)).scalars())


class Held:
    """Keeps the writer busy, so that what is written meanwhile shares the next transaction."""

    def __init__(self, database: Database) -> None:
        self._free, self._busy = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=database.write_now, args=(self._wait,))
        self._thread.start()
        assert self._busy.wait(10)

    def _wait(self, _connection: Connection) -> None:
        self._busy.set()
        assert self._free.wait(10)

    def let_go(self) -> None:
        self._free.set()
        self._thread.join(10)


def test_a_write_is_there_for_readers_once_it_returns(database: Database):
    assert database.write_now(add("a")) == "a"
    assert names(database) == ["a"]


def test_writes_that_wait_share_one_transaction(database: Database):
    transactions: list[int] = []

    def count(connection: Connection) -> None:
        transactions.append(id(connection.get_transaction()))

    async def write_all() -> None:
        held = Held(database)
        tasks = [asyncio.ensure_future(database.write(count)) for _ in range(BATCH)]
        await asyncio.sleep(0)
        held.let_go()
        await asyncio.gather(*tasks)

    asyncio.run(write_all())
    assert len(transactions) == BATCH
    assert len(set(transactions)) == 1


def test_a_failing_write_takes_nothing_of_the_others_along(database: Database):
    def fail_late(connection: Connection) -> None:
        add("lost")(connection)
        raise LookupError("on purpose")

    async def write_all() -> list[object]:
        held = Held(database)
        writes = [add("a"), fail_late, add("b"), add("a"), add("c")]
        tasks = [asyncio.ensure_future(database.write(write)) for write in writes]
        await asyncio.sleep(0)
        held.let_go()
        return await asyncio.gather(*tasks, return_exceptions=True)

    a, lost, b, duplicate, c = asyncio.run(write_all())
    assert (a, b, c) == ("a", "b", "c")
    assert isinstance(lost, LookupError)
    assert isinstance(duplicate, IntegrityError)
    assert names(database) == ["a", "b", "c"]


def test_a_write_given_up_while_it_waits_is_not_done(database: Database):
    async def write_all() -> None:
        held = Held(database)
        given_up = asyncio.ensure_future(database.write(add("given up")))
        kept = asyncio.ensure_future(database.write(add("kept")))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        held.let_go()
        assert await kept == "kept"

    asyncio.run(write_all())
    assert names(database) == ["kept"]


def test_a_full_disk_reaches_the_caller_and_later_writes_work(database: Database):
    def limit(pages: int | None) -> Callable[[Connection], None]:
        def run(connection: Connection) -> None:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages or used}")

        return run

    def fill(connection: Connection) -> None:
        for number in range(100):
            add(f"{number}-" + 200 * "x")(connection)

    database.write_now(add("before"))
    # What is limited is the writer's connection, which the pool gives it again.
    database.write_now(limit(None))

    async def write_all() -> list[object]:
        held = Held(database)
        tasks = [asyncio.ensure_future(database.write(write)) for write in (add("neighbour"), fill, add("later"))]
        await asyncio.sleep(0)
        held.let_go()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(write_all())
    assert isinstance(results[1], OperationalError)
    assert "full" in str(results[1].orig)
    database.write_now(limit(1_000_000))
    # Whoever was told that it is written is right, and nobody else.
    told = [result for result in results if isinstance(result, str)]
    assert names(database) == ["before", *told]
    assert database.write_now(add("after")) == "after"
    assert names(database) == ["before", *told, "after"]


def test_where_sqlite_ends_the_transaction_nothing_of_the_batch_counts_as_written(database: Database):
    def end_transaction(connection: Connection) -> None:
        # As SQLite does by itself for some I/O errors.
        connection.connection.driver_connection.execute("ROLLBACK")
        raise OSError("the disk failed")

    async def write_all() -> list[object]:
        held = Held(database)
        tasks = [asyncio.ensure_future(database.write(write)) for write in (add("a"), end_transaction, add("b"))]
        await asyncio.sleep(0)
        held.let_go()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(write_all())
    # Each is told the cause, so that a full disk is called one for all of them.
    assert [str(result) for result in results] == 3 * ["the disk failed"]
    assert names(database) == []
    assert database.write_now(add("after")) == "after"


def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path):
    database = open_database(tmp_path / "db")
    held = Held(database)
    writer = threading.Thread(target=database.write_now, args=(add("waiting"),))
    writer.start()
    closer = threading.Thread(target=database.close)
    while database._writes.empty():
        pass
    closer.start()
    held.let_go()
    closer.join(10)
    writer.join(10)
    with pytest.raises(RuntimeError, match="closed"):
        database.write_now(add("late"))
    database.close()
    again = open_database(tmp_path / "db")
    assert names(again) == ["waiting"]
    again.close()


def test_two_processes_may_write_to_one_file(database: Database, tmp_path: Path):
    other = open_database(tmp_path / "db")
    threads = [
        threading.Thread(target=lambda d=d, p=p: [d.write_now(add(f"{p}{n}")) for n in range(50)])
        for p, d in (("a", database), ("b", other))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    with database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(organizations)).scalar() == 100


def test_nobody_else_may_read_the_file(tmp_path: Path):
    open_database(tmp_path / "db").close()
    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["db"]
