"""The tables of the service.

Times are whole microseconds since 1970 in UTC: exact, sortable and alike in every database. Rows are only ever
added, and closed by a time; nothing that a commit needs is rewritten. ``migrations/`` creates these tables; a test
holds both against each other.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

_EPOCH = datetime(1970, 1, 1)  # in UTC, like every time of the service; the Z is written by hand

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
Identity = BigInteger().with_variant(Integer, "sqlite")

organizations = Table(
    "organizations",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("email", String(320), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("role in ('member', 'admin')", name="role"),
    sqlite_autoincrement=True,
)

# A key is 256 random bits, so that one round of SHA-256 keeps it: there is nothing to guess.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("key_hash", LargeBinary(32), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)

repositories = Table(
    "repositories",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("access", String(16), nullable=False),
    Column("created_by", ForeignKey("users.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("organization_id", "name"),
    Index("ix_repositories_organization_id", "organization_id", "created_at", "id"),
    CheckConstraint("access in ('private', 'public')", name="access"),
    sqlite_autoincrement=True,
)

# The bytes lie in the blob directory; a row says that they are complete, verified and durable there.
blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(135), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# Whoever may pull a repository may read the blobs linked here, and no others.
repository_blobs = Table(
    "repository_blobs",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True),
    Column("digest", ForeignKey("blobs.digest"), primary_key=True),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("started_at", BigInteger, nullable=False, index=True),
)

manifests = Table(
    "manifests",
    metadata,
    Column("repository_id", ForeignKey("repositories.id"), primary_key=True),
    Column("digest", String(135), primary_key=True),
    Column("media_type", String(255), nullable=False),
    Column("content", LargeBinary, nullable=False),
    # bytes of config and layers; the sum over the platforms of an index
    Column("size", BigInteger, nullable=False),
    # comma-separated, such as linux/amd64,linux/arm64/v8
    Column("platforms", Text, nullable=False),
    # for the referrers of a subject: what the manifest is about, and what kind of thing it is
    Column("subject", String(135)),
    Column("artifact_type", String(255)),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_manifests_subject", "repository_id", "subject"),
)

# One row for every push of a tag, never deleted. The tag points at the row that is not replaced yet. Size, media type
# and platforms stand here again so that a row says what was pushed even when its manifest was deleted.
commits = Table(
    "commits",
    metadata,
    Column("id", Identity, primary_key=True),
    Column("repository_id", ForeignKey("repositories.id"), nullable=False),
    Column("tag", String(128), nullable=False),
    Column("digest", String(135), nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("platforms", Text, nullable=False),
    Column("pushed_by", ForeignKey("users.id"), nullable=False),
    Column("pushed_at", BigInteger, nullable=False),
    Column("replaced_at", BigInteger),
    Index("ix_commits_repository_id", "repository_id", "id"),
    # one for each filter, so that a page costs the same however many commits there are
    Index("ix_commits_tag", "repository_id", "tag", "id"),
    Index("ix_commits_digest", "repository_id", "digest"),
    Index(
        "ix_commits_active",
        "repository_id",
        "id",
        sqlite_where=text("replaced_at IS NULL"),
        postgresql_where=text("replaced_at IS NULL"),
    ),
    Index(
        "uq_commits_active",
        "repository_id",
        "tag",
        unique=True,
        sqlite_where=text("replaced_at IS NULL"),
        postgresql_where=text("replaced_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

# What a write was answered, so that the same write sent again with the same Idempotency-Key is answered the same.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("key", String(255), primary_key=True),
    # of method, path and body: the same key for another request is an error
    Column("request_hash", LargeBinary(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)


def now() -> int:
    """Return the time in microseconds since 1970."""
    return time.time_ns() // 1_000


def timestamp(microseconds: int | None) -> str | None:
    """Write a time of the database as RFC 3339 in UTC.

    Examples
    --------
    >>> timestamp(1592420615000007)
    '2020-06-17T19:03:35.000007Z'
    """
    if microseconds is None:
        return None
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds") + "Z"
