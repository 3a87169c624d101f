"""The HTTP API: who may call it, and its small resources. ``docs/openapi.yaml`` states it exactly."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from sqlalchemy import text

from polly_magic.errors import NotLoggedIn
from polly_magic.redaction import Secret
from polly_magic.service.accounts import Principal, principal_of_key
from polly_magic.service.api.jsonapi import ApiError, read_document, respond
from polly_magic.service.api.query import Query
from polly_magic.service.authentication import AUTHENTICATOR
from polly_magic.service.keys import DATABASE
from polly_magic.service.schema import timestamp
from polly_magic.service.tokens import USERNAME

__all__ = ["add_routes", "authenticated"]

Handler = Callable[[web.Request, Principal], Awaitable[web.StreamResponse]]

_SHORTEST, _LONGEST, _USUAL = 60, 24 * 3600, 3600
_SCOPES = ("pull", "pull,push")


def add_routes(app: web.Application) -> None:
    """Put the handlers into the application."""
    app.router.add_get("/users/me", authenticated(_me))
    app.router.add_post("/registry-tokens", authenticated(_make_registry_token))
    app.router.add_get("/healthz", _health)


def authenticated(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return `handler` for requests that show an API key, as ``x-api-key`` or as bearer token."""

    async def call(request: web.Request) -> web.StreamResponse:
        key = _shown_key(request)
        if key is None:
            raise _unauthorized("not_logged_in", "Show an API key: x-api-key, or Authorization: Bearer.")
        try:
            principal = await request.app[DATABASE].read(lambda connection: principal_of_key(connection, key))
        except NotLoggedIn as error:
            raise _unauthorized("invalid_key", error.problem) from error
        return await handler(request, principal)

    return call


def _shown_key(request: web.Request) -> Secret | None:
    if "x-api-key" in request.headers:
        return Secret(request.headers["x-api-key"])
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return Secret(text.strip()) if scheme.lower() == "bearer" else None


def _unauthorized(code: str, detail: str) -> ApiError:
    return ApiError(401, code, "Not logged in", detail, headers={"WWW-Authenticate": 'Bearer realm="polly"'})


async def _me(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    attributes = {"email": principal.email, "organization": principal.organization, "role": principal.role}
    data = {"type": "users", "id": str(principal.user_id), "attributes": attributes}
    return respond(json.dumps({"data": data}).encode())


async def _make_registry_token(request: web.Request, principal: Principal) -> web.Response:
    Query(request)
    document = await read_document(request, "registry-tokens", ("scope", "lifetime"))
    scope = document.choice("scope", _SCOPES, "pull") or ""
    lifetime = document.number("lifetime", _SHORTEST, _LONGEST, _USUAL)
    number = secrets.token_hex(8)
    claims = {"jti": number, "key_id": principal.key_id, "actions": scope.split(",")}
    password = request.app[AUTHENTICATOR].signer.sign("password", claims, lifetime=lifetime)
    attributes = {
        "username": USERNAME,
        "password": password,
        "scope": scope,
        "expires_at": timestamp((int(time.time()) + lifetime) * 1_000_000),
    }
    data = {"type": "registry-tokens", "id": number, "attributes": attributes}
    return respond(json.dumps({"data": data}).encode(), 201)


async def _health(request: web.Request) -> web.Response:
    await request.app[DATABASE].read(lambda connection: connection.execute(text("SELECT 1 FROM organizations")).first())
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})
