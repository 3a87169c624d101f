"""Writes that may be sent again: the same Idempotency-Key with the same request gets the same answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from polly_magic.service.api.jsonapi import ApiError
from polly_magic.service.keys import DATABASE
from polly_magic.service.schema import idempotency_keys, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from polly_magic.service.accounts import Principal

__all__ = ["write_once"]

_LONGEST = 255
_KEPT = 24 * 3600 * 1_000_000  # microseconds

Answer = tuple[int, bytes]


async def write_once(request: web.Request, principal: Principal, function: Callable[[Connection], Answer]) -> Answer:
    """Run `function` in a transaction and return its answer, or the one it gave to this request before.

    Refusals are not kept: a request that was refused may be sent again with the same key.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return await request.app[DATABASE].write(function)
    if not 1 <= len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
        detail = f"It has 1 to {_LONGEST} printable ASCII characters."
        raise ApiError(400, "invalid_header", "Header refused", detail, header="Idempotency-Key")
    request_hash = _hash_of(request, await request.read())

    def once(connection: Connection) -> Answer:
        at = now()
        table = idempotency_keys
        connection.execute(delete(table).where(table.c.created_at < at - _KEPT))
        query = select(table.c.request_hash, table.c.status, table.c.body)
        kept = connection.execute(query.where(table.c.user_id == principal.user_id, table.c.key == key)).one_or_none()
        if kept is None:
            status, body = function(connection)
            values = {"user_id": principal.user_id, "key": key, "request_hash": request_hash}
            connection.execute(insert(table).values(**values, status=status, body=body, created_at=at))
            return status, body
        if kept.request_hash != request_hash:
            detail = "This Idempotency-Key was sent with another request before."
            raise ApiError(422, "idempotency_key_reused", "Header refused", detail, header="Idempotency-Key")
        return kept.status, kept.body

    return await request.app[DATABASE].write(once)


def _hash_of(request: web.Request, body: bytes) -> bytes:
    return hashlib.sha256(
        b"\0".join([request.method.encode(), request.raw_path.encode(errors="replace"), body])
    ).digest()
