from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import docker
import pytest

from polly_magic.kernels.container import LABEL
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import install_spec
from tests.kernel import Kernel, kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jupyter_client.manager import KernelManager

    from tests.kernel_images import KernelImages

    Started = AbstractContextManager[tuple[Kernel, KernelManager]]
    Start = Callable[..., Started]


@pytest.fixture
def jupyter_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what Jupyter keeps in a directory of the test's own."""
    for what in ("DATA", "RUNTIME", "CONFIG"):
        monkeypatch.setenv(f"JUPYTER_{what}_DIR", str(tmp_path / what.lower()))
    return tmp_path


@pytest.fixture
def settings(pulled_kernel_images: KernelImages) -> KernelSettings:
    """Of a kernel in the inactive commit."""
    return KernelSettings(pulled_kernel_images.at(pulled_kernel_images.inactive), "/usr/local/bin/python3")


@pytest.fixture
def start(settings: KernelSettings, jupyter_home: Path) -> Start:
    """Start a kernel in a container as Jupyter does, in a folder of the test's own."""
    folder = jupyter_home / "folder"
    folder.mkdir()

    def started(**changed: Any) -> Started:
        install_spec("pinned", replace(settings, **changed), "Pinned")
        return kernel(dict(os.environ), "pinned", folder)

    return started


@pytest.fixture
def containers(kernel_images: KernelImages) -> Callable[[], list[str]]:
    """Names of the kernels' containers, whatever state they are in; not those of somebody else on the same engine."""
    shown = f'{{{{.Names}}}} {{{{.Label "{LABEL}"}}}}'

    def found() -> list[str]:
        listed = subprocess.run(
            ["docker", "ps", "--all", "--filter", f"label={LABEL}", "--format", shown],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
        words = (line.split() for line in listed.stdout.splitlines())
        return [name for name, image in words if image.startswith(f"{kernel_images.path}@")]

    return found


@contextmanager
def engine_client() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    try:
        yield client
    finally:
        client.close()


def inspected(name: str) -> dict[str, Any]:
    with engine_client() as client:
        return client.api.inspect_container(name)
