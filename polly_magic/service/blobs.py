"""Blobs on disk, each in a file named after its digest.

A file that lies here is complete, verified and durable. That alone lets nobody read it: a blob is readable through a
row that links it to a repository (`find_blob`), which is written after the file is safe.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, select

from polly_magic.service.schema import blobs, now, repository_blobs

if TYPE_CHECKING:
    from pathlib import Path

    from polly_magic.service.lookups import Lookups

__all__ = ["BlobStore", "find_blob", "link_blob"]

# Most of them wait for the disk, and disks make several files durable at once better than one after the other.
_THREADS = 16

_FIND = (
    select(blobs.c.size)
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(repository_blobs.c.repository_id == bindparam("repository"), repository_blobs.c.digest == bindparam("blob"))
)


class BlobStore:
    """The directory of the blobs, ``sha256/ab/<hex>``, and the one beside it where uploads grow.

    Parameters
    ----------
    directory : Path
    uploads : Path
        On the same file system, so that a finished upload is moved in one step.
    """

    def __init__(self, directory: Path, uploads: Path) -> None:
        self.directory = directory
        self.uploads = uploads
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")
        for algorithm in ("sha256", "sha512"):
            (directory / algorithm).mkdir(mode=0o700, parents=True, exist_ok=True)
        uploads.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the blob with this (valid) digest lies or would lie."""
        algorithm, _, digits = digest.partition(":")
        return self.directory / algorithm / digits[:2] / digits

    def keep(self, upload: Path, digest: str) -> None:
        """Make the verified file `upload` durable as the blob `digest`."""
        target = self.path(digest)
        _sync(upload)
        try:
            target.parent.mkdir(mode=0o700)
        except FileExistsError:
            pass
        else:
            _sync(target.parent.parent)
        upload.replace(target)
        _sync(target.parent)

    def keep_bytes(self, content: bytes, digest: str) -> None:
        """Make `content`, which is known to have this digest, durable as a blob."""
        upload = self.uploads / secrets.token_hex(16)
        try:
            upload.write_bytes(content)
            self.keep(upload, digest)
        finally:
            upload.unlink(missing_ok=True)

    def close(self) -> None:
        """Finish what is being written."""
        self.threads.shutdown()


def find_blob(lookups: Lookups, repository_id: int, digest: str) -> int | None:
    """Return the size of a blob that can be read in this repository."""
    row = lookups.row(_FIND, repository=repository_id, blob=digest)
    return None if row is None else row[0]


def link_blob(connection: Connection, repository_id: int, digest: str, size: int) -> None:
    """Record that the blob is safe on disk and can be read in this repository."""
    if connection.execute(select(blobs.c.size).where(blobs.c.digest == digest)).first() is None:
        connection.execute(blobs.insert().values(digest=digest, size=size, created_at=now()))
    link = {"repository_id": repository_id, "digest": digest}
    if connection.execute(select(repository_blobs.c.digest).filter_by(**link)).first() is None:
        connection.execute(repository_blobs.insert().values(**link))


def digest_of_file(path: Path, algorithm: str) -> str:
    """Return the digest of a file's content, read in pieces.

    Examples
    --------
    >>> from pathlib import Path
    >>> digest_of_file(Path("/dev/null"), "sha256")[:14]
    'sha256:e3b0c44'
    """
    hasher = hashlib.new(algorithm)
    with path.open("rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            hasher.update(piece)
    return f"{algorithm}:{hasher.hexdigest()}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
