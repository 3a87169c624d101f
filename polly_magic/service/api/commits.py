"""Commits: listed, and one of them made the tag's active one again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from polly_magic.references import is_digest, is_tag
from polly_magic.service.api.access import authenticated
from polly_magic.service.api.idempotency import write_once
from polly_magic.service.api.jsonapi import ApiError, read_document, respond
from polly_magic.service.api.query import Query
from polly_magic.service.api.repositories import find, refuse_foreign
from polly_magic.service.commits import point_tag
from polly_magic.service.keys import DATABASE
from polly_magic.service.schema import commits, manifests, timestamp, users

if TYPE_CHECKING:
    from aiohttp import web

    from polly_magic.service.accounts import Principal

__all__ = ["add_routes"]

_SORTS = ("-pushed_at", "pushed_at")
_STATUSES = ("active", "inactive")
_PREFIX = re.compile(r"(?:(sha256|sha512):)?([0-9a-f]{7,128})")

# Any, because the types of Select differ between the releases of SQLAlchemy that we run with.
_COMMITS: Any = select(
    commits.c.id,
    commits.c.tag,
    commits.c.digest,
    commits.c.media_type,
    commits.c.size,
    commits.c.platforms,
    users.c.email,
    commits.c.pushed_at,
    commits.c.replaced_at,
).join_from(commits, users)


def add_routes(app: web.Application) -> None:
    """Put the handlers into the application."""
    app.router.add_get("/commits", authenticated(_list))
    app.router.add_post("/commits", authenticated(_roll_back))


async def _list(request: web.Request, principal: Principal) -> web.Response:
    names = ("filter[repository]", "filter[tag]", "filter[tag_status]", "filter[commit_hash]")
    query = Query(request, *names, "sort", "page[size]", "page[after]")
    path = query.required("filter[repository]")
    # Rows are numbered as they are pushed, in one order even where the clock was set back.
    sort = query.choice("sort", _SORTS) or "-pushed_at"
    statement = _COMMITS
    if (tag := query.get("filter[tag]")) is not None:
        statement = statement.where(commits.c.tag == tag)
    if status := query.choice("filter[tag_status]", _STATUSES):
        unreplaced = commits.c.replaced_at.is_(None)
        statement = statement.where(unreplaced if status == "active" else ~unreplaced)
    if (commit_hash := query.get("filter[commit_hash]")) is not None:
        statement = statement.where(_starts_with(query, commit_hash))
    statement = query.page(statement, sort, None, commits.c.id)

    def page(connection: Connection) -> bytes:
        repository = find(connection, principal, path)
        rows = connection.execute(statement.where(commits.c.repository_id == repository.id)).all()
        shown = rows[: query.size]
        links = {"next": query.next_link(sort, shown[-1].id)} if len(rows) > len(shown) else {}
        return json.dumps({"data": [_resource(path, row) for row in shown], "links": links}).encode()

    return respond(await request.app[DATABASE].read(page))


async def _roll_back(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    document = await read_document(request, "commits", ("repository", "tag", "commit_hash"))
    path = document.text("repository", longest=1000)
    tag = document.text("tag", longest=1000)
    digest = document.text("commit_hash", longest=1000)
    if not is_tag(tag):
        raise document.invalid("tag", f"{tag[:200]!a} is no tag.")
    if not is_digest(digest):
        raise document.invalid("commit_hash", f"{digest[:200]!a} is no full digest (sha256: and 64 digits).")

    def roll_back(connection: Connection) -> tuple[int, bytes]:
        repository = find(connection, principal, path)
        refuse_foreign(repository, principal)
        same_tag = and_(commits.c.repository_id == repository.id, commits.c.tag == tag)
        active = connection.execute(_COMMITS.where(same_tag, commits.c.replaced_at.is_(None))).one_or_none()
        if active is not None and active.digest == digest:
            return 200, _document(path, active)
        if not _was_pushed(connection, repository.id, tag, digest):
            detail = f"The tag {tag!r} of {path} never pointed at {digest}, or the image was deleted."
            raise ApiError(404, "commit_not_found", "Commit not found", detail, pointer="/data/attributes/commit_hash")
        point_tag(connection, repository.id, tag, digest, cast("int", principal.user_id))
        active = connection.execute(_COMMITS.where(same_tag, commits.c.replaced_at.is_(None))).one()
        return 201, _document(path, active)

    status, body = await write_once(request, principal, roll_back)
    return respond(body, status)


def _was_pushed(connection: Connection, repository_id: int, tag: str, digest: str) -> bool:
    """Whether the tag pointed at this digest once, and its manifest is still there to be pulled."""
    same = and_(manifests.c.repository_id == commits.c.repository_id, manifests.c.digest == commits.c.digest)
    query = select(commits.c.id).join_from(commits, manifests, same)
    mine = query.where(commits.c.repository_id == repository_id, commits.c.tag == tag, commits.c.digest == digest)
    return connection.execute(mine.limit(1)).first() is not None


def _starts_with(query: Query, text: str) -> ColumnElement[bool]:
    """Digests that start with what was given, as ranges that an index can serve."""
    match = _PREFIX.fullmatch(text)
    if match is None:
        raise query.invalid("filter[commit_hash]", "It is a full digest, or 7 or more of its hexadecimal digits.")
    algorithm, digits = match.groups()
    starts = [f"{name}:{digits}" for name in ([algorithm] if algorithm else ["sha256", "sha512"])]
    # "g" comes right after the last hexadecimal digit.
    return or_(*(and_(commits.c.digest >= start, commits.c.digest < f"{start}g") for start in starts))


def _document(path: str, row: Any) -> bytes:
    return json.dumps({"data": _resource(path, row)}).encode()


def _resource(path: str, row: Any) -> dict[str, Any]:
    number, tag, digest, media_type, size, platforms, email, pushed_at, replaced_at = row
    return {
        "type": "commits",
        "id": str(number),
        "attributes": {
            "repository": path,
            "tag": tag,
            "commit_hash": digest,
            "tag_status": "active" if replaced_at is None else "inactive",
            "pushed_by": email,
            "pushed_at": timestamp(pushed_at),
            "replaced_at": timestamp(replaced_at),
            "size": size,
            "media_type": media_type,
            "platforms": platforms.split(",") if platforms else [],
        },
    }
