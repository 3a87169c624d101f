"""A request's body into a file, hashed on the way.

The event loop collects about a mebibyte while a thread writes and hashes the one before, so that two cores work on
one upload and no other request waits. Memory holds two such pieces and what aiohttp has read ahead, however long the
body is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from polly_magic.service.blobs import digest_of_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Executor
    from pathlib import Path

    from aiohttp import StreamReader

__all__ = ["Draft", "TruncatedError", "receive"]

PIECE = 1 << 20
"""Bytes that are written and hashed at a time."""

STALLED = 120.0
"""Seconds without a byte after which a sender counts as gone."""


class TruncatedError(Exception):
    """The body ended before it was complete: the connection was lost, or nothing came for long."""


class Draft:
    """A blob that grows in a file.

    Parameters
    ----------
    path : Path
        The file, which exists.
    size : int
        How many bytes it holds.
    algorithm : str, optional
        What is hashed on the way, if the file is empty. Otherwise the file is read again in the end.
    """

    def __init__(self, path: Path, size: int = 0, algorithm: str = "sha256") -> None:
        self.path = path
        self.size = size
        self.busy = False
        self._algorithm = algorithm
        self._hasher: Any = hashlib.new(algorithm) if size == 0 else None
        self._saved = self._size_and_hasher()

    def save(self) -> None:
        """Remember this state for `restore`."""
        self._saved = self._size_and_hasher()

    def restore(self) -> None:
        """Go back to the state when `save` was called."""
        os.truncate(self.path, self._saved[0])
        self.size, self._hasher = self._saved

    def append(self, chunks: list[bytes]) -> None:
        """Write and hash; called in a thread, by one at a time."""
        with self.path.open("ab", buffering=0) as file:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
                if self._hasher:
                    self._hasher.update(chunk)
                self.size += len(chunk)

    def digest(self, algorithm: str) -> str:
        """Return the digest of all that was written."""
        if self._hasher and algorithm == self._algorithm:
            return f"{algorithm}:{self._hasher.hexdigest()}"
        return digest_of_file(self.path, algorithm)

    def _size_and_hasher(self) -> tuple[int, Any]:
        return self.size, self._hasher.copy() if self._hasher else None


async def receive(request: web.Request, draft: Draft, threads: Executor) -> None:
    """Append the body of `request` to `draft`.

    Raises
    ------
    TruncatedError
        What arrived has been appended.
    OSError
        It could not be written.
    """
    loop = asyncio.get_running_loop()
    writing: asyncio.Future[None] | None = None
    lost: Exception | None = None
    with _watch(loop, request.content):
        more = True
        while more:
            chunks, more, lost = await _collect(request.content)
            if writing:
                await writing
            writing = loop.run_in_executor(threads, draft.append, chunks) if chunks else None
    if writing:
        await writing
    if lost:
        raise TruncatedError from lost


async def _collect(content: StreamReader) -> tuple[list[bytes], bool, Exception | None]:
    """Return the next chunks of the body, whether there are more, and what ended it too early."""
    chunks: list[bytes] = []
    missing = PIECE
    try:
        while missing > 0:
            chunk = await content.readany()
            if not chunk:
                return chunks, False, None
            chunks.append(chunk)
            missing -= len(chunk)
    except (OSError, web.RequestPayloadError) as lost:
        return chunks, False, lost
    return chunks, True, None


@contextmanager
def _watch(loop: asyncio.AbstractEventLoop, content: StreamReader) -> Generator[None]:
    """End a body of which nothing came for long, so that its upload is free again."""
    seen = -1

    def look() -> None:
        nonlocal seen, timer
        if content.total_bytes == seen:
            content.set_exception(TimeoutError(f"nothing came for {STALLED:.0f} s"))
        else:
            seen = content.total_bytes
            timer = loop.call_later(STALLED, look)

    timer = loop.call_later(STALLED, look)
    try:
        yield
    finally:
        timer.cancel()
