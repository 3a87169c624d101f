"""Image layers that come out the same, byte for byte, from the same files."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Entry", "Layer", "Link", "build_layer"]

# The fastest: what it saves more at a higher level is not worth the wait on a loopback.
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a layer."""

    target: str


Entry = Path | bytes | Link
"""A file of this machine (links followed), a new file's content, or a link."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A compressed layer, in a file.

    Parameters
    ----------
    file : Path
    digest : str
        Of the compressed layer, as the manifest names it.
    diff_id : str
        Of the layer as the image's configuration names it, before it was compressed.
    size : int
        Bytes, compressed.
    """

    file: Path
    digest: str
    diff_id: str
    size: int


def build_layer(file: Path, entries: Mapping[str, Entry]) -> Layer:
    """Write a layer.

    Parameters
    ----------
    file : Path
        Where to.
    entries : mapping of str to Entry
        By path in the image, without the slash it starts with. Directories above them are made.
    """
    with file.open("wb") as out:
        compressed = _Hashed(out)
        with gzip.GzipFile("", "wb", _COMPRESSION, compressed, mtime=0) as zipped:
            plain = _Hashed(zipped)
            with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
                made: set[str] = set()
                for name in sorted(entries):
                    for parent in reversed(PurePosixPath(name).parents[:-1]):
                        if str(parent) not in made:
                            made.add(str(parent))
                            tar.addfile(_entry(str(parent), tarfile.DIRTYPE, 0o1777 if parent.name == "tmp" else 0o755))
                    _add(tar, name, entries[name])
    return Layer(file, compressed.digest, plain.digest, compressed.size)


def _add(tar: tarfile.TarFile, name: str, entry: Entry) -> None:
    if isinstance(entry, Link):
        link = _entry(name, tarfile.SYMTYPE, 0o777)
        link.linkname = entry.target
        tar.addfile(link)
        return
    content = entry if isinstance(entry, bytes) else entry.read_bytes()
    executable = isinstance(entry, Path) and entry.stat().st_mode & 0o100
    info = _entry(name, tarfile.REGTYPE, 0o755 if executable else 0o644)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    # TarInfo's own defaults are what is wanted of the rest: owned by 0, changed in 1970.
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = mode
    return info


class _Hashed(io.RawIOBase):
    """Passes on what is written, and hashes it."""

    def __init__(self, out: IO[bytes] | gzip.GzipFile) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.size

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._hash.update(data)
        self.size += len(data)
        self._out.write(data)
        return len(data)

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
