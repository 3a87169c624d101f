"""Names as people type them, made into what the service knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from polly_magic.errors import NotFound, UsageError
from polly_magic.references import Reference, parse, parse_repository, resolve_digest

if TYPE_CHECKING:
    from polly_magic.api import Client
    from polly_magic.models import Commit

__all__ = ["new_repository", "reference", "repository", "resolve_commit"]

Note = Callable[[str], None]


def reference(text: str, client: Client, *, note: Note | None = None) -> Reference:
    """Complete a reference with the service's host and the user's organisation.

    Parameters
    ----------
    text : str
        ``16june``, ``elucidata/16june:latest``, a full path, a nested name of the own organisation
        (``docker_demo/cache``), each perhaps with a tag or a digest.
    client : Client
        Of whoever is logged in.
    note : callable, optional
        Is told what was changed in the text, such as folded upper case.

    Raises
    ------
    InvalidReference
        With the position of the bad character.
    UsageError
        If the text names another host than the service's.
    """
    return _complete(parse(text), client, note)


def repository(text: str, client: Client, *, note: Note | None = None) -> Reference:
    """Do what `reference` does, and refuse a tag or digest."""
    return _complete(parse_repository(text), client, note)


def new_repository(text: str, client: Client, *, note: Note | None = None) -> Reference:
    """Complete the name of a repository that does not exist yet: it will stand in the own organisation.

    A full path with the host in it is taken as it is.
    """
    return _complete(parse_repository(text), client, note, new=True)


def resolve_commit(text: str, client: Client, *, note: Note | None = None) -> Commit:
    """Find the one commit that a text means.

    That is the commit of a digest (also a short one), else the active commit of a tag, else of ``latest``.

    Raises
    ------
    NotFound
        Naming what the repository has instead.
    Ambiguous
        If a short digest fits several commits.
    """
    wanted = reference(text, client, note=note)
    digest = wanted.digest
    if wanted.short_digest:
        digest = resolve_digest(wanted.short_digest, [c.commit_hash for c in client.commits(wanted.path)])
    if digest:
        found = client.commits(wanted.path, commit_hash=digest)
        # One image can have been pushed under several tags: take the tag that was named, and rather an active one.
        found.sort(key=lambda commit: (commit.tag != wanted.tag, commit.tag_status != "active"))
        if found:
            return found[0]
        raise NotFound(f"{wanted.repository} has no commit {digest}.", _look(wanted))
    tag = wanted.tag or "latest"
    if active := client.commits(wanted.path, tag=tag, status="active", limit=1):
        return active[0]
    tags = sorted({commit.tag for commit in client.commits(wanted.path, status="active", limit=1000)})
    if not tags:
        raise NotFound(
            f"{wanted.repository} has no commits yet.", f"Push one: %polly_dockers push IMAGE {wanted.path}:{tag}"
        )
    more = f" and {len(tags) - 10} more" if len(tags) > 10 else ""
    raise NotFound(f"{wanted.repository} has no tag {tag!r}; it has {', '.join(tags[:10])}{more}.", _look(wanted))


def _look(wanted: Reference) -> str:
    return f"See %polly_dockers commit-list --name {wanted.path} --all"


def _complete(typed: Reference, client: Client, note: Note | None, *, new: bool = False) -> Reference:
    if typed.host and typed.host != client.registry:
        raise UsageError(
            f"{typed} is kept on {typed.host}, and you are logged in to {client.registry}.",
            "Leave the host out, or log in to the other service: %polly_dockers login --service URL",
        )
    if note and typed.note:
        note(typed.note)
    own = client.user.organization
    path = typed.path
    if not typed.host and not path.startswith(f"{own}/"):
        nested = f"{own}/{path}"
        if "/" not in path or new or (not _exists(path, client) and _exists(nested, client)):
            path = nested
    return replace(typed, host=client.registry, path=path)


def _exists(path: str, client: Client) -> bool:
    try:
        client.repository(path)
    except NotFound:
        return False
    return True
