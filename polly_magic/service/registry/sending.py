"""A file that never changes, sent by the kernel (RFC 9110: ranges and conditions)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiohttp import web

from polly_magic.service.oci_errors import OciError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["immutable_headers", "is_known", "send_file"]

_log = logging.getLogger(__name__)


def immutable_headers(digest: str) -> dict[str, str]:
    """Return the headers of content that is what its digest says, for ever."""
    return {
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        "Cache-Control": "private, max-age=31536000, immutable",
    }


def is_known(request: web.Request, digest: str) -> bool:
    """Whether the client said with If-None-Match that it has this content already."""
    condition = request.headers.get("If-None-Match")
    return condition is not None and (condition.strip() == "*" or f'"{digest}"' in condition)


async def send_file(request: web.Request, path: Path, size: int, digest: str) -> web.StreamResponse:
    """Answer GET and HEAD with the file at `path`.

    Raises
    ------
    OciError
        BLOB_UNKNOWN: the file is lost. With status 416: the range starts behind its end.
    """
    headers = immutable_headers(digest) | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    if is_known(request, digest):
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(headers=headers)
    wanted = _range(request, size, digest)
    start, stop = wanted or (0, size)
    response.content_length = stop - start
    if wanted:
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    loop = asyncio.get_running_loop()
    if request.method == "HEAD" or start == stop:
        await response.prepare(request)
        return response
    try:
        file = await loop.run_in_executor(None, path.open, "rb")
    except FileNotFoundError:
        _log.error("The blob %s is lost: there is no file %s", digest, path)
        raise OciError("BLOB_UNKNOWN", f"The blob {digest} is lost.", {"digest": digest}) from None
    with file:
        await response.prepare(request)
        if request.transport is None:
            raise ConnectionResetError("The client is gone.")
        await loop.sendfile(request.transport, file, start, stop - start)
        await response.write_eof()
    return response


def _range(request: web.Request, size: int, digest: str) -> tuple[int, int] | None:
    """Return the first byte asked for and the one after the last. A range that we do not understand is ignored."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition.strip() != f'"{digest}"':
        return None
    try:
        wanted = request.http_range
    except ValueError:
        return None
    if wanted.start is None:
        return None
    start, stop = wanted.start, size if wanted.stop is None else min(wanted.stop, size)
    if start < 0:
        start = max(size + start, 0)
    if start >= size:
        message = f"The blob has {size} bytes; none of them is in the range."
        raise OciError("SIZE_INVALID", message, status=416, headers={"Content-Range": f"bytes */{size}"})
    return start, stop
