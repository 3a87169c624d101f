"""The registry: everything under /v2, OCI Distribution 1.1.

Names of repositories have slashes in them, so that one pattern finds what a path means; it reads from the right, where
the specification's words stand.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from sqlalchemy.exc import DatabaseError

from polly_magic.service.authentication import authorize
from polly_magic.service.keys import BLOBS, DATABASE
from polly_magic.service.lookups import LOOKUPS, Lookups
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.blobs import (
    begin_upload,
    cancel_upload,
    delete_blob,
    finish_upload,
    get_blob,
    get_upload,
    go_on_with_upload,
)
from polly_magic.service.registry.manifest_store import MANIFESTS, ManifestCache
from polly_magic.service.registry.manifests import delete_manifest, get_manifest, put_manifest
from polly_magic.service.registry.places import PLACES, Places
from polly_magic.service.registry.tags import list_referrers, list_tags
from polly_magic.service.registry.uploads import UPLOADS, Uploads

__all__ = ["RUNNER_OPTIONS", "add_routes"]

RUNNER_OPTIONS: dict[str, Any] = {"read_bufsize": 1 << 20, "auto_decompress": False}
"""For ``web.AppRunner``: read ahead what keeps an upload flowing, and store bodies as they were sent."""

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request, str, str], Awaitable[web.StreamResponse]]

_MANIFESTS: dict[str, Handler] = {
    "GET": get_manifest,
    "HEAD": get_manifest,
    "PUT": put_manifest,
    "DELETE": delete_manifest,
}
_PATHS: list[tuple[re.Pattern[str], dict[str, Handler]]] = [
    (re.compile(r"(.+)/manifests/([^/]+)"), _MANIFESTS),
    (re.compile(r"(.+)/blobs/uploads(/?)"), {"POST": begin_upload}),
    (
        re.compile(r"(.+)/blobs/uploads/([^/]+)"),
        {"GET": get_upload, "PATCH": go_on_with_upload, "PUT": finish_upload, "DELETE": cancel_upload},
    ),
    (re.compile(r"(.+)/blobs/([^/]+)"), {"GET": get_blob, "HEAD": get_blob, "DELETE": delete_blob}),
    (re.compile(r"(.+)/tags/(list)"), {"GET": list_tags}),
    (re.compile(r"(.+)/referrers/([^/]+)"), {"GET": list_referrers}),
]


def add_routes(app: web.Application) -> None:
    """Serve the registry under /v2 of `app`, which has its BLOBS, CONFIG and DATABASE by the time it starts."""
    app.router.add_route("*", "/v2", _answer)
    app.router.add_route("*", "/v2/{path:.*}", _answer)
    app.cleanup_ctx.append(_live)


async def _live(app: web.Application) -> AsyncIterator[None]:
    store = app[BLOBS]
    lookups = app[LOOKUPS] = Lookups(app[DATABASE])
    app[PLACES] = Places(lookups)
    app[MANIFESTS] = ManifestCache(lookups)
    uploads = app[UPLOADS] = Uploads(app[DATABASE], store)
    uploads.clean()
    yield
    store.close()
    lookups.close()


async def _answer(request: web.Request) -> web.StreamResponse:
    try:
        return await _dispatch(request)
    except OciError as error:
        return error.response()
    except ConnectionError:
        # Nobody is there to be answered; aiohttp knows what to do.
        raise
    except Exception as error:  # noqa: BLE001 - a defect of ours: the log has it, the answer keeps the form
        if _is_full(error):
            _log.error("No room for %s %s", request.method, request.path)
            message = "The service's disk is full, nothing of this was kept. Whoever runs the service has to make room."
            return OciError("UNKNOWN", message, status=507).response()
        _log.error("%s %s failed", request.method, request.path, exc_info=error)
        return OciError("UNKNOWN", "The service failed; its log says more.").response()


async def _dispatch(request: web.Request) -> web.StreamResponse:
    path = request.match_info.get("path", "")
    if not path:
        authorize(request, "")
        return web.json_response({}, headers={"Docker-Distribution-API-Version": "registry/2.0"})
    for pattern, methods in _PATHS:
        match = pattern.fullmatch(path)
        if match:
            handler = methods.get(request.method)
            if handler is None:
                allowed = {"Allow": ", ".join(methods)}
                raise OciError("UNSUPPORTED", f"{request.method} is not for {request.path}.", headers=allowed)
            return await handler(request, match[1], match[2])
    raise OciError("UNSUPPORTED", f"This registry has nothing at {request.path}.", status=404)


def _is_full(error: Exception) -> bool:
    if isinstance(error, DatabaseError):
        return "disk is full" in str(error.orig)
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
