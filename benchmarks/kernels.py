"""How soon a kernel in a container answers, beside the same started with ``docker run`` by hand, and a local one."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.manager import KernelManager

from benchmarks.measure import compare
from polly_magic.kernels.container import PORTS
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import install_spec
from polly_magic.sample.bricks import Bricks
from tests.anna import Anna
from tests.images import remove_repositories
from tests.kernel_images import pull, push_kernel_images
from tests.local_service import logged_in

if TYPE_CHECKING:
    from collections.abc import Generator

ROUNDS = 9
PATIENCE = 60


def measure_kernels() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory(prefix="polly-bench-") as directory, _image(Path(directory)) as image:
        folder = Path(directory, "notebooks")
        folder.mkdir()
        install_spec("ours", KernelSettings(image), "Ours")
        title = "start a kernel in a container, until it answers"

        ours, local, by_hand = (
            partial(_start, "ours", folder),
            partial(_start, "python3", folder),
            partial(_start_by_hand, image, folder),
        )
        print(compare(title, "s", ours, by_hand, peer_name="docker run", aim="1.15", rounds=ROUNDS), flush=True)
        print(compare(title, "s", ours, local, peer_name="local kernel", aim="none", rounds=ROUNDS), flush=True)
        with _kernel("ours", folder) as inside, _kernel("python3", folder) as outside:
            for what, work in (("restart it, until it answers", _restart), ("interrupt its cell", _interrupt)):
                both = partial(work, *inside), partial(work, *outside)
                print(compare(what, "s", *both, peer_name="local kernel", aim="none"), flush=True)


def _start(name: str, folder: Path) -> float:
    began = time.perf_counter()
    with _kernel(name, folder):
        return time.perf_counter() - began


@contextmanager
def _kernel(name: str, folder: Path) -> Generator[tuple[KernelManager, BlockingKernelClient]]:
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(cwd=str(folder), stderr=subprocess.DEVNULL)
    client = manager.client()
    try:
        client.start_channels()
        _see_answer(client)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _start_by_hand(image: str, folder: Path) -> float:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        file, written = write_connection_file(str(Path(directory, "connection.json")))
        connection = cast("dict[str, Any]", written)
        Path(file).write_text(json.dumps({**connection, "ip": "0.0.0.0"}))
        name = f"polly-bench-{os.getpid()}"
        published = [f"--publish=127.0.0.1:{connection[port]}:{connection[port]}" for port in PORTS]
        volumes = [f"--volume={folder}:/work", f"--volume={directory}:/connection:ro", "--workdir=/work"]
        kernel = ["python3", "-m", "ipykernel_launcher", "-f", "/connection/connection.json"]
        docker = subprocess.Popen(
            ["docker", "run", "--rm", f"--name={name}", *published, *volumes, image, *kernel],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = BlockingKernelClient()
        try:
            client.load_connection_info(written)
            client.start_channels()
            _see_answer(client)
            return time.perf_counter() - began
        finally:
            client.stop_channels()
            subprocess.run(["docker", "rm", "--force", name], stdout=subprocess.DEVNULL, check=True)
            docker.wait(PATIENCE)


def _see_answer(client: BlockingKernelClient) -> None:
    """Wait for the answer to one request: `wait_for_ready` asks again each second, and then waits for silence."""
    client.kernel_info()
    client.get_shell_msg(timeout=PATIENCE)


def _restart(manager: KernelManager, client: BlockingKernelClient) -> float:
    began = time.perf_counter()
    manager.restart_kernel()
    _see_answer(client)
    return time.perf_counter() - began


def _interrupt(manager: KernelManager, client: BlockingKernelClient) -> float:
    client.execute("print('runs', flush=True)\nwhile True: pass")
    while client.get_iopub_msg(timeout=PATIENCE)["msg_type"] != "stream":
        pass
    began = time.perf_counter()
    manager.interrupt_kernel()
    client.get_shell_msg(timeout=PATIENCE)
    return time.perf_counter() - began


@contextmanager
def _image(directory: Path) -> Generator[str]:
    """Let the engine have the sample's notebook, and keep what Jupyter and Docker write in the directory."""
    with logged_in(directory) as variables, patch.dict(os.environ, variables):
        Path(variables["JUPYTER_RUNTIME_DIR"]).mkdir(parents=True)
        config = json.loads(Path(variables["DOCKER_CONFIG"], "config.json").read_text())
        (registry,) = config["credHelpers"]
        anna = Anna(variables, registry)
        bricks = directory / "bricks"
        bricks.mkdir()
        images = push_kernel_images(anna, Bricks(bricks), "bench")
        image = images.at(images.active)
        try:
            pull(anna, image)
            yield image
        finally:
            remove_repositories(variables, images.path)
