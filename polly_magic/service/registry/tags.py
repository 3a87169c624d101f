"""What a repository has: its tags, and what refers to a manifest.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags and #listing-referrers
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy import select

from polly_magic.references import is_digest
from polly_magic.service.keys import DATABASE
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.documents import INDEX, LIMIT
from polly_magic.service.registry.places import enter
from polly_magic.service.schema import commits, manifests

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["list_referrers", "list_tags"]

_PAGE = 10_000
# In a page of referrers, for what stands around the descriptors and between them.
_ROOM = 64 << 10


async def list_tags(request: web.Request, path: str, _: str) -> web.StreamResponse:
    """Answer the tags in the order of their characters' codes, ``n`` of them after ``last``."""
    place = enter(request, path, "pull")
    limit = _limit(request.query.get("n"))
    last = request.query.get("last", "")

    def read(connection: Connection) -> list[str]:
        statement = (
            select(commits.c.tag)
            .where(
                commits.c.repository_id == place.repository_id,
                commits.c.replaced_at.is_(None),
                commits.c.tag > last,
            )
            .order_by(commits.c.tag)
            .limit(limit + 1)
        )
        return list(connection.execute(statement).scalars())

    tags = await request.app[DATABASE].read(read) if limit else []
    headers: dict[str, str] = {}
    if len(tags) > limit:
        tags = tags[:limit]
        headers["Link"] = _next(f"/v2/{path}/tags/list", n=str(limit), last=tags[-1])
    return web.json_response({"name": path, "tags": tags}, headers=headers)


async def list_referrers(request: web.Request, path: str, digest: str) -> web.StreamResponse:
    """Answer an index of the manifests whose subject is `digest`, whether or not that exists."""
    place = enter(request, path, "pull")
    if not is_digest(digest):
        raise OciError("DIGEST_INVALID", f"{digest!r} is no digest.", {"digest": digest})
    artifact_type = request.query.get("artifactType")
    last = request.query.get("last", "")

    def read(connection: Connection) -> tuple[list[dict[str, Any]], bool]:
        statement = (
            select(manifests.c.digest, manifests.c.media_type, manifests.c.artifact_type, manifests.c.content)
            .where(
                manifests.c.repository_id == place.repository_id,
                manifests.c.subject == digest,
                manifests.c.digest > last,
            )
            .order_by(manifests.c.digest)
        )
        if artifact_type:
            statement = statement.where(manifests.c.artifact_type == artifact_type)
        descriptors: list[dict[str, Any]] = []
        size = 0
        with connection.execution_options(stream_results=True).execute(statement) as rows:
            for row in rows:
                descriptor = _descriptor(*row)
                size += len(json.dumps(descriptor))
                # An index is a manifest, and no larger than one.
                if descriptors and size > LIMIT - _ROOM:
                    return descriptors, True
                descriptors.append(descriptor)
        return descriptors, False

    descriptors, more = await request.app[DATABASE].read(read)
    headers = {"Content-Type": INDEX}
    query: dict[str, str] = {}
    if artifact_type:
        headers["OCI-Filters-Applied"] = "artifactType"
        query["artifactType"] = artifact_type
    if more:
        headers["Link"] = _next(f"/v2/{path}/referrers/{digest}", **query, last=descriptors[-1]["digest"])
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}
    return web.Response(body=json.dumps(index).encode(), headers=headers)


def _descriptor(digest: str, media_type: str, artifact_type: str | None, content: bytes) -> dict[str, Any]:
    descriptor: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(content)}
    if artifact_type:
        descriptor["artifactType"] = artifact_type
    annotations = json.loads(content).get("annotations")
    if annotations and isinstance(annotations, dict):
        descriptor["annotations"] = annotations
    return descriptor


def _limit(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not (text.isascii() and text.isdigit()):
        raise OciError("PAGINATION_NUMBER_INVALID", f"n={text!r} is no number of tags.", {"n": text})
    return int(text) if len(text) < 6 and int(text) < _PAGE else _PAGE


def _next(url: str, **query: str) -> str:
    return f'<{url}?{urlencode(query)}>; rel="next"'
