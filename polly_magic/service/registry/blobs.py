"""Blobs: whether they are there, what is in them, how they get there.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs and #pushing-blobs
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from polly_magic.references import is_digest
from polly_magic.service.blobs import find_blob, link_blob
from polly_magic.service.keys import BLOBS, CONFIG, DATABASE
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.places import PLACES, enter
from polly_magic.service.registry.sending import send_file
from polly_magic.service.registry.uploads import UPLOADS, Upload
from polly_magic.service.schema import repository_blobs

if TYPE_CHECKING:
    from polly_magic.service.registry.places import Place

__all__ = [
    "begin_upload",
    "cancel_upload",
    "delete_blob",
    "finish_upload",
    "get_blob",
    "get_upload",
    "go_on_with_upload",
]

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/.*)?")


async def get_blob(request: web.Request, path: str, digest: str) -> web.StreamResponse:
    """Answer GET and HEAD of a blob."""
    place = enter(request, path, "pull")
    size = find_blob(place.lookups, place.repository_id, _digest(digest))
    if size is None:
        raise OciError("BLOB_UNKNOWN", f"There is no blob {digest} in {path}.", {"digest": digest})
    return await send_file(request, request.app[BLOBS].path(digest), size, digest)


async def delete_blob(request: web.Request, path: str, digest: str) -> web.StreamResponse:
    """Make a blob unreadable in a repository; its file stays, for others may have it too."""
    if not request.app[CONFIG].allow_delete:
        enter(request, path, "pull")
        raise OciError("UNSUPPORTED", "This service keeps what was pushed: it was started without --allow-delete.")
    place = enter(request, path, "delete")
    link = {"repository_id": place.repository_id, "digest": _digest(digest)}
    if find_blob(place.lookups, place.repository_id, digest) is None:
        raise OciError("BLOB_UNKNOWN", f"There is no blob {digest} in {path}.", {"digest": digest})
    await request.app[DATABASE].write(lambda c: c.execute(repository_blobs.delete().filter_by(**link)))
    return web.Response(status=202)


async def begin_upload(request: web.Request, path: str, _: str) -> web.StreamResponse:
    """Answer POST: a blob in one go, one mounted from another repository, or a place to send it to."""
    place = enter(request, path, "push")
    if "digest" in request.query:
        digest = _digest(request.query["digest"])
        upload = request.app[UPLOADS].make(place, digest.partition(":")[0])
        try:
            await request.app[UPLOADS].finish(upload, request, digest)
        finally:
            upload.draft.path.unlink(missing_ok=True)
        return _created(place, digest)
    if "mount" in request.query and await _mount(request, place, _digest(request.query["mount"])):
        return _created(place, request.query["mount"])
    upload = await request.app[UPLOADS].begin(place)
    return web.Response(status=202, headers=upload.headers)


async def get_upload(request: web.Request, path: str, upload_id: str) -> web.StreamResponse:
    """Say how far an upload is."""
    return web.Response(status=204, headers=_find(request, path, upload_id).headers)


async def go_on_with_upload(request: web.Request, path: str, upload_id: str) -> web.StreamResponse:
    """Answer PATCH: the next chunk, or, without Content-Range, a stream of all there is."""
    upload = _find(request, path, upload_id)
    with upload.writing():
        length = _chunk_length(request, upload)
        upload.draft.save()
        before = upload.draft.size
        await request.app[UPLOADS].append(upload, request)
        if length is not None and upload.draft.size - before != length:
            upload.draft.restore()
            raise OciError("SIZE_INVALID", f"Content-Range promised {length} bytes, the body is another size.")
    return web.Response(status=202, headers=upload.headers)


async def finish_upload(request: web.Request, path: str, upload_id: str) -> web.StreamResponse:
    """Answer PUT: the last chunk, or none, and the digest of it all."""
    upload = _find(request, path, upload_id)
    if "digest" not in request.query:
        raise OciError("DIGEST_INVALID", "The last request of an upload names its ?digest=.")
    digest = _digest(request.query["digest"])
    with upload.writing():
        _chunk_length(request, upload)
        await request.app[UPLOADS].finish(upload, request, digest)
    return _created(upload.place, digest)


async def cancel_upload(request: web.Request, path: str, upload_id: str) -> web.StreamResponse:
    """Forget an upload."""
    upload = _find(request, path, upload_id)
    with upload.writing():
        await request.app[UPLOADS].discard(upload)
    return web.Response(status=204)


def _find(request: web.Request, path: str, upload_id: str) -> Upload:
    return request.app[UPLOADS].find(enter(request, path, "push"), upload_id)


async def _mount(request: web.Request, place: Place, digest: str) -> bool:
    """Link a blob of another repository that the caller may pull; whether that could be done."""
    source = request.query.get("from", "")
    if "pull" not in place.grant.access.get(source, ()):
        return False
    source_id = request.app[PLACES].find(source)
    size = None if source_id is None else find_blob(place.lookups, source_id, digest)
    if size is None:
        return False
    await request.app[DATABASE].write(lambda connection: link_blob(connection, place.repository_id, digest, size))
    return True


def _chunk_length(request: web.Request, upload: Upload) -> int | None:
    """Return how long the chunk is that Content-Range announces, if it does.

    Raises
    ------
    OciError
        With status 416: the chunk does not start where the upload ends.
    """
    text = request.headers.get("Content-Range")
    if text is None:
        return None
    match = _CONTENT_RANGE.fullmatch(text)
    if not match:
        raise OciError("BLOB_UPLOAD_INVALID", f"Content-Range {text!r} is not of the form 0-1023.")
    start, end = int(match[1]), int(match[2])
    size = upload.draft.size
    if start != size:
        message = f"The next chunk starts at byte {size}, not {start}."
        raise OciError("BLOB_UPLOAD_INVALID", message, status=416, headers=upload.headers)
    length = end - start + 1
    if length != (request.content_length or length):
        raise OciError("SIZE_INVALID", f"Content-Range {text!r} and Content-Length {request.content_length} disagree.")
    return length


def _digest(text: str) -> str:
    if not is_digest(text):
        raise OciError("DIGEST_INVALID", f"{text!r} is no digest.", {"digest": text})
    return text


def _created(place: Place, digest: str) -> web.Response:
    headers = {"Location": f"/v2/{place.path}/blobs/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)
