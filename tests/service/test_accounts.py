"""Organisations, users and keys; `accounts` as whoever owns the data directory runs it; the first start."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from polly_magic.errors import Conflict, NotFound, NotLoggedIn, Rejected
from polly_magic.redaction import Secret
from polly_magic.service import accounts
from polly_magic.service.config import Config
from polly_magic.service.database import Database, open_database
from polly_magic.service.first_start import local_email, make_first_account, owner
from polly_magic.service.schema import api_keys, organizations, users

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path / "db")
    yield database
    database.close()


@pytest.fixture
def ada(database: Database) -> int:
    return database.write_now(
        lambda c: accounts.create_user(c, "ada@elucidata.io", accounts.create_organization(c, "elucidata"), "admin")
    )


def holder(database: Database, key: Secret) -> accounts.Principal:
    with database.reading() as connection:
        return accounts.principal_of_key(connection, key)


def test_a_key_says_who_holds_it_and_is_kept_as_its_hash(database: Database, ada: int):
    key = database.write_now(lambda c: accounts.issue_key(c, ada))
    assert re.fullmatch(r"pk_[A-Za-z0-9_-]{43}", key.reveal())
    principal = holder(database, key)
    assert (principal.user_id, principal.email, principal.organization, principal.role) == (
        ada, "ada@elucidata.io", "elucidata", "admin"
    )  # fmt: skip
    with database.reading() as connection:
        kept = connection.execute(select(api_keys.c.key_hash)).scalar_one()
    assert kept == hashlib.sha256(key.reveal().encode()).digest()
    assert key.reveal() not in repr(principal)


def test_a_key_ends_when_it_is_revoked_or_expires(database: Database, ada: int):
    key = database.write_now(lambda c: accounts.issue_key(c, ada))
    other = database.write_now(lambda c: accounts.issue_key(c, ada, lifetime=timedelta(days=1)))
    late = database.write_now(lambda c: accounts.issue_key(c, ada, lifetime=timedelta(seconds=-1)))
    with pytest.raises(NotLoggedIn, match="has expired"):
        holder(database, late)
    assert database.write_now(lambda c: accounts.revoke_key(c, key)) is True
    assert database.write_now(lambda c: accounts.revoke_key(c, key)) is False
    with pytest.raises(NotLoggedIn, match="does not know"):
        holder(database, key)
    assert holder(database, other).user_id == ada
    assert database.write_now(lambda c: accounts.revoke_keys_of(c, "ada@elucidata.io")) == 2
    with pytest.raises(NotLoggedIn):
        holder(database, other)
    with pytest.raises(NotFound, match="nobody"):
        database.write_now(lambda c: accounts.revoke_keys_of(c, "nobody@x.io"))


@pytest.mark.parametrize("text", ["", "x", "pk_", "pk_" + 43 * "ä", "pk_" + 43 * "\udcff", "' OR 1=1 --", 10_000 * "k"])
def test_what_is_no_key_is_nobodys(database: Database, ada: int, text: str):
    with pytest.raises(NotLoggedIn, match="does not know"):
        holder(database, Secret(text))


@pytest.mark.parametrize("name", ["", "A", "a/b", "a b", "-a", "a--", "a..b", "ä", 129 * "a"])
def test_bad_names_of_organisations(database: Database, name: str):
    with pytest.raises(Rejected):
        database.write_now(lambda c: accounts.create_organization(c, name))


@pytest.mark.parametrize(
    "email", ["", "ada", "@x.io", "ada@", "a b@x.io", "a@b@c", "a\n@x.io", "a@x.io\n", 330 * "a" + "@b"]
)
def test_bad_addresses(database: Database, ada: int, email: str):
    with pytest.raises(Rejected):
        database.write_now(lambda c: accounts.create_user(c, email, 1))


def test_names_and_addresses_are_taken_once(database: Database, ada: int):
    with pytest.raises(Conflict):
        database.write_now(lambda c: accounts.create_organization(c, "elucidata"))
    with pytest.raises(Conflict):
        database.write_now(lambda c: accounts.create_user(c, "ada@elucidata.io", 1))


@pytest.mark.parametrize(
    ("settings", "made"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "0.0.0.0", "organization": "o"}, False),
        ({"host": "0.0.0.0", "organization": "o", "email": "a@b.io"}, True),
    ],
)
def test_a_first_start_makes_whoever_it_is_plain_to_make(database: Database, settings: dict[str, str], made: bool):
    email = database.write_now(lambda c: make_first_account(c, Config(Path(), **settings)))
    with database.reading() as connection:
        found = connection.execute(select(users.c.email, users.c.role)).all()
        user_id = owner(connection)
    assert (email is not None) == made
    assert [tuple(row) for row in found] == ([(settings.get("email", local_email()), "admin")] if made else [])
    assert (user_id is not None) == made
    assert database.write_now(lambda c: make_first_account(c, Config(Path()))) == (None if made else local_email())


def test_a_users_name_is_folded(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("getpass.getuser", lambda: "CORP\\Ada Lovelace")
    assert database.write_now(lambda c: make_first_account(c, Config(Path()))) == "corp.ada.lovelace@localhost"
    with database.reading() as connection:
        assert connection.execute(select(organizations.c.name)).scalar_one() == "corp-ada-lovelace"


def run(data: Path, *words: object) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("polly-dockers")
    command = [program, "accounts", *map(str, words), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_accounts_are_added_listed_and_revoked_from_the_command_line(tmp_path: Path):
    data, key_file = tmp_path / "data", tmp_path / "key"
    added = run(data, "add", "ada@x.io", "--organization", "x", "--role", "admin", "--key-file", key_file, "--days", 3)
    assert (added.returncode, added.stdout) == (0, ""), added.stderr
    assert data.stat().st_mode & 0o777 == 0o700
    assert key_file.stat().st_mode & 0o777 == 0o600
    key = key_file.read_text().strip()
    assert key not in added.stderr
    printed = run(data, "add", "ada@x.io", "--organization", "x", "--role", "admin")
    assert re.fullmatch(r"pk_[\w-]{43}\n", printed.stdout)
    (row,) = json.loads(run(data, "list", "--json").stdout)
    assert (row["email"], row["organization"], row["role"], row["keys"]) == ("ada@x.io", "x", "admin", 2)
    database = open_database(Config(data).database)
    assert holder(database, Secret(key)).email == "ada@x.io"
    assert run(data, "revoke", "ada@x.io").returncode == 0
    with pytest.raises(NotLoggedIn):
        holder(database, Secret(key))
    database.close()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["list"], 1, "No service keeps its data"),
        (["add"], 2, "e-mail address"),
        (["add", "a@x.io"], 2, "organisation"),
        (["add", "a@x.io", "--organization", "X"], 1, "can't be the name"),
        (["add", "x", "--organization", "x"], 1, "no e-mail address"),
        (["add", "a@x.io", "--organization", "x", "--days", "0"], 2, "0 days"),
        (["add", "a@x.io", "--organization", "x", "--key-file", "/nowhere/key"], 1, "/nowhere/key"),
    ],
)
def test_accounts_refuses_in_two_lines(tmp_path: Path, words: list[str], status: int, said: str):
    refused = run(tmp_path / "data", *words)
    assert refused.returncode == status
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


def test_an_account_whose_key_cannot_be_handed_over_is_not_made(tmp_path: Path):
    key_file = tmp_path / "key"
    key_file.write_text("mine")
    assert run(tmp_path / "data", "add", "a@x.io", "--organization", "x", "--key-file", key_file).returncode == 1
    assert key_file.read_text() == "mine"
    assert json.loads(run(tmp_path / "data", "list", "--json").stdout) == []


def test_an_account_stays_in_its_organisation(tmp_path: Path):
    assert run(tmp_path, "add", "a@x.io", "--organization", "x").returncode == 0
    moved = run(tmp_path, "add", "a@x.io", "--organization", "y")
    assert moved.returncode == 1
    assert "member of x" in moved.stderr
