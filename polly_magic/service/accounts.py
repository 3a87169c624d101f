"""Who may do what: organisations, their users, and the users' API keys.

A key is shown once, when it is issued; the database keeps its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, false, insert, select, update

from polly_magic.errors import Conflict, NotFound, NotLoggedIn, Rejected
from polly_magic.redaction import Secret
from polly_magic.references import is_name
from polly_magic.service.schema import api_keys, now, organizations, users

if TYPE_CHECKING:
    from datetime import timedelta

    from polly_magic.models import Role

__all__ = [
    "ANONYMOUS",
    "Account",
    "Principal",
    "create_organization",
    "create_user",
    "find_organization",
    "find_user",
    "issue_key",
    "list_accounts",
    "principal_of_key",
    "principal_of_key_id",
    "require_same",
    "revoke_key",
    "revoke_keys_of",
]

_ORGANIZATION_LENGTH = 128
_EMAIL_LENGTH = 320
_EMAIL = re.compile(r"[^\s@<>\"'(),:;\\\[\]\x00-\x1f\x7f]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_KEY = re.compile(r"pk_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    user_id : int or None
        None for `ANONYMOUS`, as are the other ids.
    email : str
    organization_id : int or None
    organization : str
    role : {"member", "admin"} or None
    key_id : int or None
        The API key that was shown, directly or through a password derived from it.
    """

    user_id: int | None
    email: str
    organization_id: int | None
    organization: str
    role: Role | None
    key_id: int | None = None


ANONYMOUS = Principal(None, "", None, "", None)


@dataclass(frozen=True, slots=True)
class Account:
    """A user as an administrator sees them."""

    email: str
    organization: str
    role: Role
    created_at: int
    keys: int


def create_organization(connection: Connection, name: str) -> int:
    """Add an organisation and return its id.

    Raises
    ------
    Rejected
        The name is not one component of a repository's path.
    Conflict
        It exists.
    """
    if not is_name(name) or "/" in name or len(name) > _ORGANIZATION_LENGTH:
        raise Rejected(
            f"{name!r} can't be the name of an organisation.",
            f"Take lower-case letters and digits, with single '.', '_' or '-' between them, at most "
            f"{_ORGANIZATION_LENGTH} characters.",
        )
    if find_organization(connection, name) is not None:
        raise Conflict(f"The organisation {name!r} exists already.", "Choose another name.")
    statement = insert(organizations).values(name=name, created_at=now()).returning(organizations.c.id)
    return connection.execute(statement).scalar_one()


def find_organization(connection: Connection, name: str) -> int | None:
    """Return the id of the organisation, if there is one of this name."""
    return connection.execute(select(organizations.c.id).where(organizations.c.name == name)).scalar()


def create_user(connection: Connection, email: str, organization_id: int, role: Role = "member") -> int:
    """Add a user to an organisation and return the user's id.

    Raises
    ------
    Rejected
        This is no e-mail address.
    Conflict
        The address has an account.
    """
    if len(email) > _EMAIL_LENGTH or not _EMAIL.fullmatch(email):
        raise Rejected(f"{email!r} is no e-mail address.", "Write it as name@host.")
    if find_user(connection, email) is not None:
        raise Conflict(f"{email} has an account already.", "See: polly-dockers accounts list")
    values = {"email": email, "organization_id": organization_id, "role": role, "created_at": now()}
    return connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()


def find_user(connection: Connection, email: str) -> int | None:
    """Return the id of the user, if there is one of this address."""
    return connection.execute(select(users.c.id).where(users.c.email == email)).scalar()


def require_same(connection: Connection, user_id: int, organization_id: int, role: Role) -> None:
    """Raise `Conflict` unless the account is in this organisation and has this role."""
    query = select(organizations.c.id, organizations.c.name, users.c.role).join_from(users, organizations)
    own_id, organization, own_role = connection.execute(query.where(users.c.id == user_id)).one()
    if (own_id, own_role) != (organization_id, role):
        raise Conflict(
            f"The account exists already, as {own_role} of {organization}.",
            f"For a new key of it, say: --organization {organization} --role {own_role}",
        )


def list_accounts(connection: Connection) -> list[Account]:
    """Return every user, by organisation and address, with the number of keys that work."""
    query = (
        select(users.c.id, users.c.email, organizations.c.name, users.c.role, users.c.created_at)
        .join_from(users, organizations)
        .order_by(organizations.c.name, users.c.email)
    )
    at = now()
    working = select(api_keys.c.user_id).where(
        api_keys.c.revoked_at.is_(None), api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > at)
    )
    owners = list(connection.execute(working).scalars())
    return [
        Account(email, organization, role, created_at, owners.count(user_id))
        for user_id, email, organization, role, created_at in connection.execute(query)
    ]


def issue_key(connection: Connection, user_id: int, *, lifetime: timedelta | None = None) -> Secret:
    """Give the user a new API key; without `lifetime` it does not expire."""
    text = f"pk_{secrets.token_urlsafe(32)}"
    at = now()
    expires_at = None if lifetime is None else at + int(lifetime.total_seconds() * 1_000_000)
    values = {"user_id": user_id, "key_hash": _hash(text), "created_at": at, "expires_at": expires_at}
    connection.execute(insert(api_keys).values(values))
    return Secret(text)


def revoke_key(connection: Connection, key: Secret) -> bool:
    """Make a key useless; return whether it was of any use before."""
    statement = update(api_keys).where(api_keys.c.key_hash == _hash(key.reveal()), api_keys.c.revoked_at.is_(None))
    return connection.execute(statement.values(revoked_at=now())).rowcount > 0


def revoke_keys_of(connection: Connection, email: str) -> int:
    """Make every key of a user useless; return how many there were.

    Raises
    ------
    NotFound
        Nobody has this address.
    """
    user_id = find_user(connection, email)
    if user_id is None:
        raise NotFound(f"{email!r} has no account.", "See: polly-dockers accounts list")
    statement = update(api_keys).where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
    return connection.execute(statement.values(revoked_at=now())).rowcount


_HOLDER = (
    select(
        api_keys.c.id,
        api_keys.c.user_id,
        api_keys.c.expires_at,
        api_keys.c.revoked_at,
        users.c.email,
        users.c.organization_id,
        organizations.c.name,
        users.c.role,
    )
    .join_from(api_keys, users)
    .join(organizations)
)


def principal_of_key(connection: Connection, key: Secret) -> Principal:
    """Return who holds this API key.

    Raises
    ------
    NotLoggedIn
        The key is unknown, revoked or expired.
    """
    text = key.reveal()
    return _holder(connection, api_keys.c.key_hash == _hash(text) if _KEY.fullmatch(text) else false())


def principal_of_key_id(connection: Connection, key_id: int) -> Principal:
    """Return who holds the API key of this number, as `principal_of_key` does."""
    return _holder(connection, api_keys.c.id == key_id)


def _holder(connection: Connection, condition: ColumnElement[bool]) -> Principal:
    row = connection.execute(_HOLDER.where(condition)).one_or_none()
    if row is None or row.revoked_at is not None:
        raise NotLoggedIn("The service does not know this API key.", "Run: polly-dockers login")
    if row.expires_at is not None and row.expires_at <= now():
        raise NotLoggedIn("This API key has expired.", "Ask for a new one, then run: polly-dockers login")
    return Principal(row.user_id, row.email, row.organization_id, row.name, row.role, row.id)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
