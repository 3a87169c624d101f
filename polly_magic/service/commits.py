"""Commits: what a tag points at, and all it ever pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select

from polly_magic.service.schema import commits, manifests, now

if TYPE_CHECKING:
    from polly_magic.service.lookups import Lookups

__all__ = ["close_tag", "find_active", "point_tag"]

_FIND_ACTIVE = select(commits.c.digest).where(
    commits.c.repository_id == bindparam("repository"),
    commits.c.tag == bindparam("wanted"),
    commits.c.replaced_at.is_(None),
)


def find_active(lookups: Lookups, repository_id: int, tag: str) -> str | None:
    """Return the digest that a tag points at."""
    row = lookups.row(_FIND_ACTIVE, repository=repository_id, wanted=tag)
    return None if row is None else row[0]


def point_tag(connection: Connection, repository_id: int, tag: str, digest: str, user_id: int) -> bool:
    """Make `digest`, a manifest of the repository, the active commit of `tag`, and close the one before.

    Parameters
    ----------
    connection : Connection
        In the writer's transaction.
    repository_id : int
    tag, digest : str
    user_id : int
        Who pushes.

    Returns
    -------
    bool
        Whether there is a new commit; none is needed where the tag points there already.
    """
    of_repository = commits.c.repository_id == repository_id
    active = connection.execute(
        select(commits.c.id, commits.c.digest).where(
            of_repository, commits.c.tag == tag, commits.c.replaced_at.is_(None)
        )
    ).first()
    if active is not None and active.digest == digest:
        return False
    last = connection.execute(
        select(commits.c.pushed_at).where(of_repository).order_by(commits.c.id.desc()).limit(1)
    ).scalar()
    # The clock may be set back, and two pushes may meet in one microsecond: the order of commits is strict anyway.
    at = max(now(), (last or 0) + 1)
    if active is not None:
        connection.execute(commits.update().where(commits.c.id == active.id).values(replaced_at=at))
    found = connection.execute(
        select(manifests.c.media_type, manifests.c.size, manifests.c.platforms).where(
            manifests.c.repository_id == repository_id, manifests.c.digest == digest
        )
    )
    manifest = found.mappings().one()
    connection.execute(
        commits.insert().values(
            repository_id=repository_id,
            tag=tag,
            digest=digest,
            pushed_by=user_id,
            pushed_at=at,
            **manifest,
        )
    )
    return True


def close_tag(connection: Connection, repository_id: int, *, tag: str | None = None, digest: str | None = None) -> int:
    """Close the active commit of a tag, or those of a digest; return how many were closed. Their rows stay."""
    condition = commits.c.tag == tag if tag is not None else commits.c.digest == digest
    closing = commits.update().where(
        commits.c.repository_id == repository_id, condition, commits.c.replaced_at.is_(None)
    )
    return connection.execute(closing.values(replaced_at=now())).rowcount
