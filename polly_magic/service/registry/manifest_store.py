"""Manifests in the database: put there with all they need, found again.

Everything that a manifest refers to must be in its repository before it is, so that what can be named can be pulled.
What is slow (parsing, files) happens in `prepare`; `insert` is a few rows in the writer's transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web
from sqlalchemy import Connection, bindparam, func, select

from polly_magic.service.blobs import link_blob
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.documents import (
    LIMIT,
    Descriptor,
    Manifest,
    is_platform,
    parse_manifest,
    platform_of,
    read_json,
)
from polly_magic.service.schema import blobs, manifests, now, repository_blobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from polly_magic.service.blobs import BlobStore
    from polly_magic.service.lookups import Lookups
    from polly_magic.service.registry.places import Place

__all__ = ["MANIFESTS", "Found", "ManifestCache", "Prepared", "insert", "prepare"]

_KEPT_BYTES = 64 << 20
_IMAGE_CONFIGS = {"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"}
_MOST_BYTES = 2**63 - 1
# SQLite takes some hundreds of values in one statement, everywhere.
_AT_ONCE = 500

_FIND = select(manifests.c.media_type, manifests.c.content).where(
    manifests.c.repository_id == bindparam("repository"), manifests.c.digest == bindparam("wanted")
)


class Found(NamedTuple):
    """A manifest as it is handed out."""

    media_type: str
    content: bytes


class ManifestCache:
    """Manifests by repository and digest: as they never change, the latest ones asked for stay in memory."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._kept: OrderedDict[tuple[int, str], Found] = OrderedDict()
        self._bytes = 0

    def find(self, repository_id: int, digest: str) -> Found | None:
        """Return the manifest, if the repository has it."""
        key = (repository_id, digest)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
            return found
        row = self._lookups.row(_FIND, repository=repository_id, wanted=digest)
        if row is None:
            return None
        found = self._kept[key] = Found(*row)
        self._bytes += len(found.content)
        while self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1].content)
        return found

    def forget(self, repository_id: int, digest: str) -> None:
        """Drop a manifest that was deleted."""
        found = self._kept.pop((repository_id, digest), None)
        self._bytes -= len(found.content) if found else 0


MANIFESTS: web.AppKey[ManifestCache] = web.AppKey("manifests", ManifestCache)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest about to be inserted.

    Parameters
    ----------
    digest : str
    manifest : Manifest
    platform : str or None
        Of an image, from its configuration.
    enclosed : tuple of Descriptor
        Blobs that came inside the manifest; they are safe on disk already.
    """

    digest: str
    manifest: Manifest
    platform: str | None
    enclosed: tuple[Descriptor, ...]


def prepare(store: BlobStore, place: Place, digest: str, manifest: Manifest) -> list[Prepared]:
    """Keep what is enclosed in a manifest, and see what its image runs on. Reads and writes files: for a thread.

    Returns
    -------
    list of Prepared
        The manifests that are enclosed in it, and last itself.
    """
    prepared: list[Prepared] = []
    enclosed: list[Descriptor] = []
    for descriptor in manifest.descriptors:
        if descriptor.data is None:
            continue
        if descriptor.is_manifest and descriptor in manifest.children:
            child = parse_manifest(descriptor.data, descriptor.media_type)
            prepared += prepare(store, place, descriptor.digest, child)
        else:
            store.keep_bytes(descriptor.data, descriptor.digest)
            enclosed.append(descriptor)
    return [*prepared, Prepared(digest, manifest, _platform(store, manifest.config), tuple(enclosed))]


def insert(connection: Connection, repository_id: int, prepared: Prepared) -> None:
    """Add the row of a manifest, unless it is there.

    Raises
    ------
    OciError
        MANIFEST_BLOB_UNKNOWN: something that it refers to is not in the repository. MANIFEST_INVALID: it is, but has
        another size.
    """
    manifest = prepared.manifest
    here = {"repository_id": repository_id, "digest": prepared.digest}
    if connection.execute(select(manifests.c.digest).filter_by(**here)).first() is not None:
        return
    for descriptor in prepared.enclosed:
        link_blob(connection, repository_id, descriptor.digest, descriptor.size)
    children = {child.digest: child for child in manifest.children if child.is_manifest}
    rows = _children(connection, repository_id, children)
    parts = {part.digest: part for part in manifest.descriptors if part.must_be_present and part.digest not in children}
    sizes = {row.digest: row.length for row in rows.values()} | _blob_sizes(connection, repository_id, parts)
    for digest, descriptor in (children | parts).items():
        if digest not in sizes:
            message = f"The manifest refers to {digest}, which is not in this repository."
            raise OciError("MANIFEST_BLOB_UNKNOWN", message, {"digest": digest})
        if sizes[digest] != descriptor.size:
            message = f"The manifest says that {digest} has {descriptor.size} bytes; it has {sizes[digest]}."
            raise OciError("MANIFEST_INVALID", message, {"digest": digest})
    flat = sum(part.size for part in manifest.descriptors if part.digest not in children)
    artifact_type = manifest.artifact_type or (manifest.config.media_type if manifest.config else None)
    connection.execute(
        manifests.insert().values(
            **here,
            media_type=manifest.media_type,
            content=manifest.content,
            size=min(flat + sum(row.size for row in rows.values()), _MOST_BYTES),
            platforms=",".join(dict.fromkeys(filter(is_platform, _platforms(prepared, rows)))),
            subject=manifest.subject,
            artifact_type=artifact_type or None,
            created_at=now(),
        )
    )


def _platform(store: BlobStore, config: Descriptor | None) -> str | None:
    if config is None or config.media_type not in _IMAGE_CONFIGS or config.size > LIMIT:
        return None
    try:
        content = store.path(config.digest).read_bytes()
        return platform_of(read_json(content))
    except (OciError, FileNotFoundError):
        # Whether the configuration is there is asked later; one that makes no sense is its reader's business.
        return None


def _platforms(prepared: Prepared, rows: dict[str, Any]) -> Iterator[str]:
    if prepared.platform:
        yield prepared.platform
    for child in prepared.manifest.children:
        if child.platform:
            yield child.platform
        elif child.digest in rows and rows[child.digest].platforms:
            yield from rows[child.digest].platforms.split(",")


def _children(connection: Connection, repository_id: int, digests: Iterable[str]) -> dict[str, Any]:
    columns = manifests.c
    statement = select(columns.digest, columns.size, columns.platforms, func.length(columns.content).label("length"))
    found: dict[str, Any] = {}
    for some in _batches(digests):
        here = statement.where(columns.repository_id == repository_id, columns.digest.in_(some))
        found |= {row.digest: row for row in connection.execute(here)}
    return found


def _blob_sizes(connection: Connection, repository_id: int, digests: Iterable[str]) -> dict[str, int]:
    linked = repository_blobs.c
    statement = select(blobs.c.digest, blobs.c.size).join(repository_blobs, linked.digest == blobs.c.digest)
    found: dict[str, int] = {}
    for some in _batches(digests):
        here = statement.where(linked.repository_id == repository_id, linked.digest.in_(some))
        found |= {row.digest: row.size for row in connection.execute(here)}
    return found


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(digests)
    while some := list(islice(iterator, _AT_ONCE)):
        yield some
