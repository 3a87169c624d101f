"""Uploads under way: who began which, how far it is, and what becomes of it.

An upload is a row and a growing file, so that it outlives the service. The running hash is kept beside them in
memory; after a restart the file is read once more in the end.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DatabaseError

from polly_magic.service.blobs import BlobStore, link_blob
from polly_magic.service.oci_errors import OciError
from polly_magic.service.registry.receiving import Draft, TruncatedError, receive
from polly_magic.service.schema import now, uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from sqlalchemy import Connection

    from polly_magic.service.database import Database
    from polly_magic.service.registry.places import Place

__all__ = ["STALE_DAYS", "UPLOADS", "Upload", "Uploads"]

STALE_DAYS = 7

T = TypeVar("T")

_log = logging.getLogger(__name__)

_FIND = select(uploads.c.repository_id, uploads.c.user_id).where(uploads.c.id == bindparam("upload"))


@dataclass(frozen=True)
class Upload:
    """One upload of whoever is in `place`.

    Parameters
    ----------
    id : str
    place : Place
    draft : Draft
    """

    id: str
    place: Place
    draft: Draft

    @property
    def url(self) -> str:
        """Where to go on with it. Relative, so that it holds behind any proxy."""
        return f"/v2/{self.place.path}/blobs/uploads/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        """Say where the upload is and how far it got."""
        return {"Location": self.url, "Range": f"0-{max(self.draft.size - 1, 0)}", "Docker-Upload-UUID": self.id}

    @contextmanager
    def writing(self) -> Generator[None]:
        """Be the only one who writes to it.

        Raises
        ------
        OciError
            BLOB_UPLOAD_INVALID: somebody else does.
        """
        if self.draft.busy:
            raise OciError("BLOB_UPLOAD_INVALID", "Another request is writing to this upload.", status=409)
        self.draft.busy = True
        try:
            yield
        finally:
            self.draft.busy = False


class Uploads:
    """All uploads of the service.

    Parameters
    ----------
    database : Database
    store : BlobStore
    """

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store
        self._drafts: dict[str, Draft] = {}

    def make(self, place: Place, algorithm: str = "sha256") -> Upload:
        """Begin an upload that lives as long as one request."""
        upload_id = secrets.token_hex(16)
        path = self._path(upload_id)
        path.touch(mode=0o600, exist_ok=False)
        return Upload(upload_id, place, Draft(path, algorithm=algorithm))

    async def begin(self, place: Place) -> Upload:
        """Begin an upload that can be gone on with, also after a restart."""
        upload = self.make(place)
        row = {
            "id": upload.id,
            "repository_id": place.repository_id,
            "user_id": place.user_id,
            "started_at": now(),
        }
        try:
            await self._database.write(lambda connection: connection.execute(uploads.insert().values(row)))
        except BaseException:
            upload.draft.path.unlink()
            raise
        self._drafts[upload.id] = upload.draft
        return upload

    def find(self, place: Place, upload_id: str) -> Upload:
        """Return an upload that the caller began in this repository.

        Raises
        ------
        OciError
            BLOB_UPLOAD_UNKNOWN: finished, cancelled, never begun, or somebody else's.
        """
        row = place.lookups.row(_FIND, upload=upload_id)
        if row == (place.repository_id, place.user_id):
            draft = self._drafts.get(upload_id) or self._load(upload_id)
            if draft:
                return Upload(upload_id, place, draft)
        raise OciError("BLOB_UPLOAD_UNKNOWN", f"There is no upload {upload_id!r} under way here.")

    async def append(self, upload: Upload, request: web.Request) -> None:
        """Add the body of `request`; what arrives of a truncated one is kept."""
        try:
            await receive(request, upload.draft, self._store.threads)
        except TruncatedError:
            raise _truncated() from None
        except OSError:
            await self.discard(upload)
            raise

    async def finish(self, upload: Upload, request: web.Request, digest: str) -> None:
        """Add the body of `request`, which is the last, and make the blob readable in the upload's repository.

        A truncated body leaves the upload as it was before.

        Raises
        ------
        OciError
            DIGEST_INVALID: the content has another digest; the upload is over.
        """
        draft = upload.draft
        draft.save()
        try:
            await receive(request, draft, self._store.threads)
            found = await self._in_thread(partial(draft.digest, digest.partition(":")[0]))
            if found != digest:
                await self.discard(upload)
                raise OciError("DIGEST_INVALID", f"What arrived has the digest {found}, not {digest}.")
            await self._in_thread(partial(self._store.keep, draft.path, digest))
        except TruncatedError:
            await self._in_thread(draft.restore)
            raise _truncated() from None
        except OSError:
            await self.discard(upload)
            raise
        self._drafts.pop(upload.id, None)
        await self._database.write(partial(_end, upload, digest))

    async def discard(self, upload: Upload) -> None:
        """Forget an upload and what was sent."""
        self._drafts.pop(upload.id, None)
        await self._in_thread(partial(upload.draft.path.unlink, missing_ok=True))
        try:
            await self._database.write(partial(_end, upload, None))
        except DatabaseError as error:
            # On a full disk even this may fail. A row without a file is no upload, and goes at the next start.
            _log.warning("The upload %s is removed, but not its row: %s", upload.id, error.orig)

    def clean(self) -> None:
        """Remove what nobody will finish: uploads begun over a week ago, files without a row, rows without a file."""
        oldest = now() - STALE_DAYS * 86_400_000_000
        present = {path.name for path in self._store.uploads.iterdir()}

        def forget(connection: Connection) -> set[str]:
            live: set[str] = set()
            for upload_id, started_at in connection.execute(select(uploads.c.id, uploads.c.started_at)).all():
                if upload_id in present and started_at >= oldest:
                    live.add(upload_id)
                else:
                    connection.execute(uploads.delete().where(uploads.c.id == upload_id))
            return live

        for name in present - self._database.write_now(forget):
            (self._store.uploads / name).unlink()

    def _path(self, upload_id: str) -> Path:
        return self._store.uploads / upload_id

    def _load(self, upload_id: str) -> Draft | None:
        path = self._path(upload_id)
        try:
            draft = self._drafts[upload_id] = Draft(path, path.stat().st_size)
        except FileNotFoundError:
            return None
        return draft

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._store.threads, function)


UPLOADS: web.AppKey[Uploads] = web.AppKey("uploads", Uploads)


def _end(upload: Upload, digest: str | None, connection: Connection) -> None:
    if digest is not None:
        link_blob(connection, upload.place.repository_id, digest, upload.draft.size)
    connection.execute(uploads.delete().where(uploads.c.id == upload.id))


def _truncated() -> OciError:
    return OciError("BLOB_UPLOAD_INVALID", "The connection was lost before the whole body had arrived.")
