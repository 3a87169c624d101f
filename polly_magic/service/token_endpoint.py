"""``/token``: what a client may do, as a bearer token.

Docker token authentication (https://distribution.github.io/distribution/spec/auth/token/) by GET, and its OAuth2
form by POST, which containerd tries first. A token grants what was asked for as far as it is allowed; asking for
more is no error.
"""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web
from sqlalchemy import Connection, select

from polly_magic.errors import NotLoggedIn
from polly_magic.redaction import Secret
from polly_magic.references import is_name
from polly_magic.service.accounts import ANONYMOUS, Principal, principal_of_key, principal_of_key_id
from polly_magic.service.authentication import AUTHENTICATOR, BEARER_LIFETIME, Grant
from polly_magic.service.keys import CONFIG, DATABASE
from polly_magic.service.oci_errors import OciError
from polly_magic.service.schema import organizations, repositories, timestamp
from polly_magic.service.tokens import USERNAME, Signer, TokenError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["add_routes"]

_SCOPES = 50
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def add_routes(app: web.Application) -> None:
    """Put the handlers into the application."""
    app.router.add_get("/token", _by_get)
    app.router.add_post("/token", _by_post)


async def _by_get(request: web.Request) -> web.Response:
    try:
        credentials = _basic(request.headers.get("Authorization"))
        return await _answer(request, credentials, request.query.getall("scope", []))
    except OciError as error:
        return error.response()


async def _by_post(request: web.Request) -> web.Response:
    try:
        text = await _form(request)
        if text.get("grant_type") != "password":
            # RFC 6749, section 5.2
            return web.json_response({"error": "unsupported_grant_type"}, status=400, headers=_NO_STORE)
        credentials = text.get("username", ""), Secret(text.get("password", ""))
        return await _answer(request, credentials, [text.get("scope", "")])
    except OciError as error:
        return error.response()


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        form = await request.post()
    except (ValueError, LookupError):  # not in the charset it claims, or a charset that there is not
        return {}
    return {name: value for name, value in form.items() if isinstance(value, str)}


async def _answer(request: web.Request, credentials: tuple[str, Secret] | None, scopes: list[str]) -> web.Response:
    asked = _parse_scopes(scopes)
    signer = request.app[AUTHENTICATOR].signer
    allow_delete = request.app[CONFIG].allow_delete

    def decide(connection: Connection) -> Grant:
        principal, ceiling = _identify(connection, signer, credentials)
        if not allow_delete:
            ceiling -= {"delete"}
        return Grant(principal, _allowed(connection, principal, asked, ceiling))

    grant = await request.app[DATABASE].read(decide)
    token = request.app[AUTHENTICATOR].issue(grant)
    answer: dict[str, Any] = {
        "token": token,
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": BEARER_LIFETIME,
        "issued_at": timestamp(int(time.time()) * 1_000_000),
        "scope": " ".join(f"repository:{path}:{','.join(sorted(actions))}" for path, actions in grant.access.items()),
    }
    return web.json_response(answer, headers=_NO_STORE)


def _basic(header: str | None) -> tuple[str, Secret] | None:
    """Return user name and password of an Authorization header (RFC 7617); nothing if there is none."""
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _wrong("Give a user name and a password (Basic).")
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = user = password = ""
    if not colon:
        raise _wrong("The Authorization header is malformed.")
    return user, Secret(password)


def _parse_scopes(values: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the actions asked for by path; what is no scope of a repository asks for nothing.

    Examples
    --------
    >>> {path: sorted(actions) for path, actions in _parse_scopes(["repository:a/b:pull repository:a/b:push"]).items()}
    {'a/b': ['pull', 'push']}
    """
    asked: dict[str, frozenset[str]] = {}
    for scope in " ".join(values).split():
        # A host and port may stand in the name: the type ends at the first colon, the actions start at the last.
        kind, _, rest = scope.partition(":")
        path, _, actions = rest.rpartition(":")
        if kind == "repository" and is_name(path) and len(asked) < _SCOPES:
            asked[path] = asked.get(path, frozenset()) | set(actions.split(","))
    return asked


def _identify(
    connection: Connection, signer: Signer, credentials: tuple[str, Secret] | None
) -> tuple[Principal, frozenset[str]]:
    """Return who asks, and the actions that the password may be used for."""
    if credentials is None:
        return ANONYMOUS, frozenset({"pull"})
    user, password = credentials
    try:
        principal, ceiling = _holder(connection, signer, password)
    except NotLoggedIn as error:
        raise _wrong(error.problem) from error
    if user not in {USERNAME, principal.email}:
        raise _wrong(f"The user name is {USERNAME}.")
    return principal, ceiling


def _holder(connection: Connection, signer: Signer, password: Secret) -> tuple[Principal, frozenset[str]]:
    try:
        claims = signer.verify("password", password.reveal())
    except TokenError:
        return principal_of_key(connection, password), frozenset({"pull", "push", "delete"})
    # The password ends with the key that it was made with.
    return principal_of_key_id(connection, claims["key_id"]), frozenset(claims["actions"])


def _allowed(
    connection: Connection, principal: Principal, asked: dict[str, frozenset[str]], ceiling: frozenset[str]
) -> dict[str, frozenset[str]]:
    allowed: dict[str, frozenset[str]] = {}
    for path, actions in asked.items():
        organization, _, name = path.partition("/")
        # In the own organisation the names not created yet count as well: a push is told that the name is unknown.
        if name and organization == principal.organization:
            mine = frozenset({"pull", "push", "delete"} if principal.role == "admin" else {"pull", "push"})
        else:
            mine = frozenset({"pull"} if _is_public(connection, organization, name) else ())
        if granted := (frozenset({"pull", "push", "delete"}) if "*" in actions else actions) & mine & ceiling:
            allowed[path] = granted
    return allowed


def _is_public(connection: Connection, organization: str, name: str) -> bool:
    query = (
        select(repositories.c.id)
        .join_from(repositories, organizations)
        .where(organizations.c.name == organization, repositories.c.name == name, repositories.c.access == "public")
    )
    return connection.execute(query).first() is not None


def _wrong(detail: str) -> OciError:
    return OciError("UNAUTHORIZED", detail, headers={"WWW-Authenticate": 'Basic realm="polly"', **_NO_STORE})
