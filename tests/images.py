"""Small images for the engine's tests, made from this machine's own shell: no network."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from docker.errors import ImageNotFound

from tests.local_service import run

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

    Whoever imports it removes it, with `remove_images`.
    """
    repository, _, tag = name.rpartition(":")
    client.api.import_image_from_data(
        image_tar(marker, padding=padding), repository=repository, tag=tag, changes=['CMD ["/bin/sh"]', "ENV PATH=/bin"]
    )
    image_id = client.images.get(name).id
    assert image_id is not None
    return image_id


def image_ids(client: docker.DockerClient) -> set[str]:
    """Every image of the engine."""
    return {image["Id"] for image in client.api.images(all=True)}


def remove_images(client: docker.DockerClient, *prefixes: str, keep: set[str]) -> None:
    """Remove the images that have a name with such a beginning, but for those that were there before."""
    for image in client.api.images(all=True):
        names = [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]
        if image["Id"] not in keep and any(name.startswith(prefixes) for name in names):
            # Somebody else may use the same engine.
            with contextlib.suppress(ImageNotFound):
                client.images.remove(image["Id"], force=True)


def remove_repositories(variables: dict[str, str], *paths: str) -> None:
    """Remove by `docker` what the engine has of repositories (``host/elucidata/NAME``), under tags and digests.

    Docker keeps the digest of a removed tag where the image goes by yet another name, as the same image of another
    test's service does.
    """
    shown = ["--digests", "--format", "{{.Repository}} {{.Tag}} {{.Digest}}"]
    for path in paths:
        for line in run(variables, "docker", "images", *shown, path).splitlines():
            name, tag, digest = line.split()
            named = [f"{name}:{tag}", f"{name}@{digest}"]
            run(variables, "docker", "rmi", "--force", *(each for each in named if "<none>" not in each))


def _libraries(program: str) -> list[str]:
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listed)
