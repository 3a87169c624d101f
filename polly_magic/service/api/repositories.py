"""Repositories: listed, created, looked at and changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, false, func, insert, or_, select, update

from polly_magic.references import is_name
from polly_magic.service.api.access import authenticated
from polly_magic.service.api.idempotency import write_once
from polly_magic.service.api.jsonapi import ApiError, read_document, respond
from polly_magic.service.api.query import Query
from polly_magic.service.keys import DATABASE
from polly_magic.service.schema import now, organizations, repositories, timestamp, users

if TYPE_CHECKING:
    from aiohttp import web

    from polly_magic.service.accounts import Principal

__all__ = ["add_routes", "find", "unknown_repository"]

LONGEST_DESCRIPTION = 2000
_LONGEST_PATH = 255
_ACCESS = ("private", "public")
_SORTS = ("-created_at", "created_at", "name", "-name")

# Any, because the types of Select differ between the releases of SQLAlchemy that we run with.
_REPOSITORIES: Any = (
    select(
        repositories.c.id,
        repositories.c.organization_id,
        organizations.c.name.label("organization"),
        repositories.c.name,
        repositories.c.description,
        repositories.c.access,
        users.c.email,
        repositories.c.created_at,
    )
    .join_from(repositories, organizations)
    .join(users, users.c.id == repositories.c.created_by)
)


def add_routes(app: web.Application) -> None:
    """Put the handlers into the application."""
    app.router.add_get("/repositories", authenticated(_list))
    app.router.add_post("/repositories", authenticated(_create))
    app.router.add_get("/repositories/{organization}/{name:.+}", authenticated(_show))
    app.router.add_patch("/repositories/{organization}/{name:.+}", authenticated(_change))


def find(connection: Connection, principal: Principal, path: str) -> Any:
    """Return a repository that `principal` may see.

    Raises
    ------
    ApiError
        404, the same whether it does not exist or is another organisation's own affair.
    """
    organization, _, name = path.partition("/")
    visible = or_(repositories.c.organization_id == principal.organization_id, repositories.c.access == "public")
    query = _REPOSITORIES.where(organizations.c.name == organization, repositories.c.name == name, visible)
    row = connection.execute(query).one_or_none() if is_name(path) else None
    if row is None:
        raise unknown_repository(path)
    return row


def unknown_repository(path: str) -> ApiError:
    """Return the error for a repository that does not exist, at least for whoever asks."""
    detail = f"There is no repository {path[:300]!a}, or you may not see it."
    return ApiError(404, "repository_not_found", "Repository not found", detail)


def refuse_foreign(row: Any, principal: Principal) -> None:
    """Refuse to change a repository of another organisation."""
    if row.organization_id != principal.organization_id:
        detail = f"Only members of {row.organization} may change {row.organization}/{row.name}."
        raise ApiError(403, "foreign_repository", "Not allowed", detail)


async def _list(request: web.Request, principal: Principal) -> web.Response:
    query = Query(request, "filter[name]", "filter[access]", "sort", "page[size]", "page[after]")
    sort = query.choice("sort", _SORTS) or "-created_at"
    statement = _REPOSITORIES.where(repositories.c.organization_id == principal.organization_id)
    if pattern := query.get("filter[name]"):
        statement = statement.where(_named_like(pattern, principal.organization))
    if access := query.choice("filter[access]", _ACCESS):
        statement = statement.where(repositories.c.access == access)
    field = sort.lstrip("-")
    statement = query.page(statement, sort, repositories.c[field], repositories.c.id)

    def page(connection: Connection) -> bytes:
        rows = connection.execute(statement).all()
        shown = rows[: query.size]
        links = {}
        if len(rows) > len(shown):
            links["next"] = query.next_link(sort, getattr(shown[-1], field), shown[-1].id)
        return json.dumps({"data": [_resource(row) for row in shown], "links": links}).encode()

    return respond(await request.app[DATABASE].read(page))


async def _create(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    document = await read_document(request, "repositories", ("name", "description", "access"))
    # With or without the organisation, as people write it.
    name = document.text("name", longest=1000).removeprefix(f"{principal.organization}/")
    path = f"{principal.organization}/{name}"
    if not is_name(name) or not is_name(path) or len(f"{request.host}/{path}") > _LONGEST_PATH:
        raise document.invalid(
            "name",
            f"{name[:300]!a} can't be the name of a repository: it has lower-case letters and digits, between "
            f"them single '.', '_', '__', '-' or '/'; with host and organisation at most {_LONGEST_PATH} characters.",
        )
    values = {
        "organization_id": principal.organization_id,
        "name": name,
        "description": document.optional_text("description", longest=LONGEST_DESCRIPTION) or "",
        "access": document.choice("access", _ACCESS, "private"),
        "created_by": principal.user_id,
    }

    def create(connection: Connection) -> tuple[int, bytes]:
        same = select(repositories.c.id).where(
            repositories.c.organization_id == principal.organization_id, repositories.c.name == name
        )
        if connection.execute(same).first() is not None:
            raise ApiError(
                409, "repository_exists", "Repository exists", f"{path} exists.", pointer="/data/attributes/name"
            )
        connection.execute(insert(repositories).values(**values, created_at=now()))
        return 201, _document(find(connection, principal, path))

    status, body = await write_once(request, principal, create)
    return respond(body, status, {"Location": f"/repositories/{path}"})


async def _show(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    path = _path(request)
    return respond(await request.app[DATABASE].read(lambda connection: _document(find(connection, principal, path))))


async def _change(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    path = _path(request)
    # Before its body is looked at, so that the answer tells nothing of a repository that is not theirs to see.
    row = await request.app[DATABASE].read(lambda connection: find(connection, principal, path))
    refuse_foreign(row, principal)
    document = await read_document(request, "repositories", ("description", "access"), resource_id=path)
    changes = {
        "description": document.optional_text("description", longest=LONGEST_DESCRIPTION),
        "access": document.choice("access", _ACCESS, None),
    }
    values = {name: value for name, value in changes.items() if value is not None}

    def change(connection: Connection) -> tuple[int, bytes]:
        if values:
            connection.execute(update(repositories).where(repositories.c.id == row.id).values(values))
        return 200, _document(find(connection, principal, path))

    status, body = await write_once(request, principal, change)
    return respond(body, status)


def _path(request: web.Request) -> str:
    return f"{request.match_info['organization']}/{request.match_info['name']}"


def _named_like(pattern: str, organization: str) -> ColumnElement[bool]:
    """Names that hold `pattern`, or match it where it is a glob; it may start with the organisation."""
    folded = pattern.lower()
    patterns = {folded, folded.removeprefix(f"{organization}/")}
    column = func.lower(repositories.c.name)
    return or_(false(), *(column.like(_like(text), escape="\\") for text in sorted(patterns)))


def _like(pattern: str) -> str:
    r"""Return the LIKE pattern of a glob or part of a name.

    Examples
    --------
    >>> _like("16*"), _like("16_?une"), _like("a_b")
    ('16%', '16\\__une', '%a\\_b%')
    """
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if "*" in pattern or "?" in pattern:
        return escaped.replace("*", "%").replace("?", "_")
    return f"%{escaped}%"


def _document(row: Any) -> bytes:
    return json.dumps({"data": _resource(row)}).encode()


def _resource(row: Any) -> dict[str, Any]:
    _, _, organization, name, description, access, email, created_at = row
    return {
        "type": "repositories",
        "id": f"{organization}/{name}",
        "attributes": {
            "organization": organization,
            "name": name,
            "description": description,
            "access": access,
            "created_by": email,
            "created_at": timestamp(created_at),
        },
    }
