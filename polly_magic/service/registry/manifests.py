"""Manifests: handed out, and taken in with the commit that a tag's push is.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests and #pushing-manifests
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from aiohttp import web

from polly_magic.references import is_digest, is_tag
from polly_magic.service.commits import close_tag, find_active, point_tag
from polly_magic.service.keys import BLOBS, CONFIG, DATABASE
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.documents import LIMIT, parse_manifest
from polly_magic.service.registry.manifest_store import MANIFESTS, insert, prepare
from polly_magic.service.registry.places import enter
from polly_magic.service.registry.sending import immutable_headers, is_known
from polly_magic.service.schema import manifests

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from polly_magic.service.registry.manifest_store import Prepared

__all__ = ["delete_manifest", "get_manifest", "put_manifest"]


async def get_manifest(request: web.Request, path: str, reference: str) -> web.StreamResponse:
    """Answer GET and HEAD of a manifest by tag or digest.

    Whatever Accept says, the answer is the manifest itself: a tag has one digest for everybody, and clients that can't
    read its type say so better than we could.
    """
    place = enter(request, path, "pull")
    if is_digest(reference):
        digest = reference
        headers = immutable_headers(digest)
    else:
        digest = find_active(place.lookups, place.repository_id, reference)
        if digest is None:
            raise _unknown(path, reference)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Cache-Control": "no-cache"}
    found = request.app[MANIFESTS].find(place.repository_id, digest)
    if found is None:
        raise _unknown(path, reference)
    if is_known(request, digest):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.media_type
    return web.Response(body=found.content, headers=headers)


async def put_manifest(request: web.Request, path: str, reference: str) -> web.StreamResponse:
    """Take in a manifest; by tag it is a commit."""
    place = enter(request, path, "push")
    user_id = place.user_id
    by_digest = is_digest(reference)
    if not by_digest and not is_tag(reference):
        if ":" in reference:
            raise OciError("DIGEST_INVALID", f"{reference!r} is no digest.", {"digest": reference})
        raise OciError("MANIFEST_INVALID", f"{reference!r} is no tag.", {"tag": reference})
    content = await _read(request)
    digest = _digest_of(content, reference.partition(":")[0] if by_digest else "sha256")
    if by_digest and digest != reference:
        raise OciError("DIGEST_INVALID", f"The manifest has the digest {digest}, not {reference}.")
    content_type = request.content_type if "Content-Type" in request.headers else None

    def read() -> list[Prepared]:
        return prepare(request.app[BLOBS], place, digest, parse_manifest(content, content_type))

    prepared = await asyncio.get_running_loop().run_in_executor(request.app[BLOBS].threads, read)

    def commit(connection: Connection) -> None:
        for each in prepared:
            insert(connection, place.repository_id, each)
        if not by_digest:
            point_tag(connection, place.repository_id, reference, digest, user_id)

    await request.app[DATABASE].write(commit)
    headers = {"Location": f"/v2/{path}/manifests/{digest}", "Docker-Content-Digest": digest}
    subject = prepared[-1].manifest.subject
    if subject:
        headers["OCI-Subject"] = subject
    return web.Response(status=201, headers=headers)


async def delete_manifest(request: web.Request, path: str, reference: str) -> web.StreamResponse:
    """Delete a tag, or a manifest with the tags that point at it. The rows of its commits stay, closed."""
    if not request.app[CONFIG].allow_delete:
        enter(request, path, "pull")
        raise OciError("UNSUPPORTED", "This service keeps what was pushed: it was started without --allow-delete.")
    place = enter(request, path, "delete")
    by_digest = is_digest(reference)

    def delete(connection: Connection) -> int:
        if not by_digest:
            return close_tag(connection, place.repository_id, tag=reference)
        close_tag(connection, place.repository_id, digest=reference)
        here = {"repository_id": place.repository_id, "digest": reference}
        return connection.execute(manifests.delete().filter_by(**here)).rowcount

    deleted = await request.app[DATABASE].write(delete)
    if by_digest:
        request.app[MANIFESTS].forget(place.repository_id, reference)
    if not deleted:
        raise _unknown(path, reference)
    return web.Response(status=202)


async def _read(request: web.Request) -> bytes:
    content = bytearray()
    try:
        while chunk := await request.content.readany():
            content += chunk
            if len(content) > LIMIT:
                message = f"A manifest has at most {LIMIT >> 20} MiB."
                raise OciError("SIZE_INVALID", message, status=413)
    except (OSError, web.RequestPayloadError):
        raise OciError("MANIFEST_INVALID", "The connection was lost before the whole manifest had arrived.") from None
    return bytes(content)


def _digest_of(content: bytes, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def _unknown(path: str, reference: str) -> OciError:
    return OciError("MANIFEST_UNKNOWN", f"There is no manifest {reference} in {path}.", {"reference": reference})
