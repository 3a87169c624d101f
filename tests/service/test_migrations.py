"""The database file: made by the migrations, and refused where it is damaged or newer than the program."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert

from polly_magic.errors import StoreUnusable
from polly_magic.service.config import Config
from polly_magic.service.database import open_database
from polly_magic.service.schema import metadata, organizations

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_fresh_database_is_what_the_tables_say(tmp_path: Path):
    database = open_database(tmp_path / "db")
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"garbage" * 10)


def break_page(path: Path) -> None:
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'organizations'").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(random.Random(1).randbytes(4096))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (newer, "newer polly-magic (schema 9999)"),
        (truncate, "is damaged"),
        (empty, "is damaged"),
        (break_header, "is damaged"),
        (break_page, "is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, damage: Callable[[Path], None], said: str):
    path = Config(tmp_path).database
    database = open_database(path)

    def fill(connection) -> None:
        connection.execute(insert(organizations), [{"name": f"o{n}", "created_at": 0} for n in range(2000)])

    database.write_now(fill)
    database.close()
    damage(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable) as refusal:
        open_database(path)
    assert said in refusal.value.problem
    assert refusal.value.remedy
    served = subprocess.run(
        [Path(sys.executable).with_name("polly-dockers"), "serve", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert served.returncode == 1
    assert served.stdout == ""
    assert len(served.stderr.splitlines()) == 2, served.stderr
    assert said in served.stderr
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path):
    (tmp_path / "db").mkdir()
    with pytest.raises(StoreUnusable, match="can't be used"):
        open_database(tmp_path / "db")
    with pytest.raises(StoreUnusable, match="can't be used"):
        open_database(tmp_path / "missing" / "db")
