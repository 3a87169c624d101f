"""Small images for the engine's tests, made from this machine's own shell: no network."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker

PROGRAMS = ("sh", "cat", "env", "ls", "pwd", "sleep")


def image_tar(marker: str, *, padding: bytes = b"") -> bytes:
    """A root file system with a shell, a few programs, and `marker` in the file ``/marker``."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        libraries: set[str] = set()
        for program in PROGRAMS:
            path = shutil.which(program)
            assert path is not None, program
            tar.add(Path(path).resolve(), f"bin/{program}")
            libraries.update(_libraries(path))
        for library in sorted(libraries):
            tar.add(Path(library).resolve(), library.lstrip("/"))
        for name, content in {"marker": marker.encode(), "padding": padding}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def import_image(client: docker.DockerClient, name: str, marker: str, *, padding: bytes = b"") -> str:
    """Import an image of one layer as `name` (``repository:tag``), and return its ID.

    Whoever imports it removes it: ``client.images.remove(id, force=True)``.
    """
    repository, _, tag = name.rpartition(":")
    client.api.import_image_from_data(
        image_tar(marker, padding=padding), repository=repository, tag=tag, changes=['CMD ["/bin/sh"]', "ENV PATH=/bin"]
    )
    image_id = client.images.get(name).id
    assert image_id is not None
    return image_id


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)
