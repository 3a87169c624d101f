"""``accounts``: who may use the repository service of a data directory; for whoever owns that directory."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.result import Rows
from polly_magic.commands.serve import require_service
from polly_magic.errors import PollyError, StoreUnusable, UsageError

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from polly_magic.redaction import Secret
    from polly_magic.service.database import Database

__all__ = ["COMMAND"]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("add", "list", "revoke"), help="what to do; add also gives one more key")
    parser.add_argument("email", metavar="EMAIL", nargs="?", help="of the account to add, or whose keys to revoke")
    parser.add_argument("--data", metavar="DIR", type=Path, help="directory of the service")
    parser.add_argument("--organization", metavar="O", help="add: of the account; made where it is missing")
    parser.add_argument(
        "--role", choices=("member", "admin"), default="member", help="add: of the account (%(default)s)"
    )
    parser.add_argument(
        "--key-file", metavar="FILE", type=Path, help="add: new file for the key, for you alone to read"
    )
    parser.add_argument("--days", metavar="N", type=int, help="add: how long the key is good; for ever unless said")


def _run(arguments: argparse.Namespace, face: Face) -> Rows | None:
    require_service()
    if arguments.action != "list" and not arguments.email:
        raise UsageError(f"Whose account? {arguments.action} takes an e-mail address.", "See accounts --help")
    if arguments.action == "add":
        return _add(arguments, face)
    database = _open(arguments, make=False)
    try:
        return _list(database) if arguments.action == "list" else _revoke(database, arguments.email, face)
    finally:
        database.close()


def _add(arguments: argparse.Namespace, face: Face) -> None:
    from polly_magic.service import accounts

    if not arguments.organization:
        raise UsageError(f"Which organisation is {arguments.email} in?", "Name it: --organization O")
    if arguments.days is not None and not 1 <= arguments.days <= 36_500:
        raise UsageError(f"A key can't be good for {arguments.days} days.", "Give a number from 1 to 36500: --days N")
    if arguments.key_file is None and not face.acts_at_once:
        raise UsageError("A notebook would keep the key in its output.", "Give a file for it: --key-file FILE")
    lifetime = None if arguments.days is None else timedelta(days=arguments.days)

    def add(connection: Connection) -> tuple[bool, Secret]:
        organization_id = accounts.find_organization(connection, arguments.organization)
        if organization_id is None:
            organization_id = accounts.create_organization(connection, arguments.organization)
        user_id = accounts.find_user(connection, arguments.email)
        made = user_id is None
        if user_id is None:
            user_id = accounts.create_user(connection, arguments.email, organization_id, arguments.role)
        else:
            accounts.require_same(connection, user_id, organization_id, arguments.role)
        key = accounts.issue_key(connection, user_id, lifetime=lifetime)
        if arguments.key_file is not None:
            # In the transaction: an account whose key could not be handed over is not made.
            _write_key(arguments.key_file.expanduser(), key)
        return made, key

    database = _open(arguments, make=True)
    try:
        made, key = database.write_now(add)
    finally:
        database.close()
    what = "Made the account" if made else "Made a new key for"
    face.note(f"{what} {arguments.email} ({arguments.role} of {arguments.organization}).")
    if arguments.key_file is None:
        sys.stdout.write(f"{key.reveal()}\n")


def _list(database: Database) -> Rows:
    from polly_magic.service.accounts import list_accounts

    with database.reading() as connection:
        found = list_accounts(connection)
    rows = [
        (a.email, a.organization, a.role, datetime.fromtimestamp(a.created_at / 1e6, timezone.utc).isoformat(), a.keys)
        for a in found
    ]
    return Rows(("email", "organization", "role", "created_at", "keys"), rows)


def _revoke(database: Database, email: str, face: Face) -> None:
    from polly_magic.service.accounts import revoke_keys_of

    count = database.write_now(lambda connection: revoke_keys_of(connection, email))
    face.note(f"Revoked {count} key{'s' if count != 1 else ''} of {email}.")


def _open(arguments: argparse.Namespace, *, make: bool) -> Database:
    from polly_magic.service.application import make_data_directory
    from polly_magic.service.config import Config
    from polly_magic.service.database import open_database
    from polly_magic.settings import service_data

    data = (arguments.data or service_data()).expanduser().absolute()
    path = Config(data).database
    if make:
        make_data_directory(data)
    elif not path.exists():
        raise StoreUnusable(f"No service keeps its data in {data}.", "Give its directory: --data DIR")
    return open_database(path)


def _write_key(path: Path, key: Secret) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PollyError(
            f"The key can't be written to {path}: {error.strerror}.", "Give the name of a new file: --key-file FILE"
        ) from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key.reveal()}\n")


COMMAND = Command(
    name="accounts",
    summary="Administer the accounts of a repository service.",
    example=(
        "accounts add ada@elucidata.io --organization elucidata --key-file ada.key\n"
        "accounts list\n"
        "accounts revoke ada@elucidata.io"
    ),
    add_arguments=_add_arguments,
    run=_run,
)
