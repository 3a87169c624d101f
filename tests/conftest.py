"""What every test starts from: no settings of whoever runs it, and files of its own."""

from __future__ import annotations

import gc
import json
import os
import socket
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest

from polly_magic.api import Client
from polly_magic.sample.bricks import Bricks
from tests.anna import Anna
from tests.images import image_ids, remove_images, remove_repositories
from tests.kernel_images import KernelImages, pull, push_kernel_images
from tests.local_service import logged_in

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep every file below a directory of the test's own, and return it."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("POLLY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("POLLY_MAGIC_HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path_factory.mktemp("docker")))
    return home


@pytest.fixture(scope="session")
def annas_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anna]:
    """Start the service of this machine once, with Anna of elucidata logged in to it."""
    with logged_in(tmp_path_factory.mktemp("anna")) as variables:
        config = json.loads(Path(variables["DOCKER_CONFIG"], "config.json").read_text())
        (registry,) = config["credHelpers"]
        yield Anna(variables, registry)


@pytest.fixture
def anna(annas_login: Anna, clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Anna:
    """Let the test itself be Anna, logged in."""
    _be(annas_login, monkeypatch)
    return annas_login


def _be(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLLY_MAGIC_HOME", "DOCKER_CONFIG", "PATH"):
        monkeypatch.setenv(name, anna.variables[name])


@pytest.fixture(scope="session")
def bricks(tmp_path_factory: pytest.TempPathFactory) -> Bricks:
    """Keep the layers of images that tests make: each is built once."""
    return Bricks(tmp_path_factory.mktemp("bricks"))


@pytest.fixture(scope="session")
def kernel_images(annas_login: Anna, bricks: Bricks) -> Iterator[KernelImages]:
    """Push images that a kernel runs in, once; the engine does not have them before somebody pulls them.

    For tests of the engine that only read. One that pushes, or removes what others pulled, makes its own by
    `push_kernel_images`.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", annas_login.variables["PYTHON_KEYRING_BACKEND"])
        _be(annas_login, monkeypatch)
        images = push_kernel_images(annas_login, bricks, "kernel")
    yield images
    remove_repositories(annas_login.variables, images.path)


@pytest.fixture(scope="session")
def pulled_kernel_images(annas_login: Anna, kernel_images: KernelImages) -> KernelImages:
    """Let the engine have all of them, until the session ends."""
    pull(annas_login, *map(kernel_images.at, kernel_images.digests))
    return kernel_images


@pytest.fixture
def client(anna: Anna) -> Iterator[Client]:
    """Anna's client of the service."""
    with Client() as client:
        yield client


@pytest.fixture
def local(anna: Anna) -> Iterator[docker.DockerClient]:
    """The engine, to look at from outside and to prepare; what a test leaves there is removed."""
    engine = docker.from_env()
    before = image_ids(engine)
    try:
        yield engine
    finally:
        remove_images(engine, "polly-test:", f"{anna.registry}/", keep=before)
        engine.close()


@pytest.fixture
def unused_port() -> int:
    """Return a port of this machine at which nobody answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def unconnected() -> Iterator[None]:
    """Let Docker's SDK drop the socket that it could not connect; it never closes it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
