"""The two registries under measurement: our service, and CNCF distribution (Debian's ``docker-registry``)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.api import Client
from polly_magic.redaction import Secret
from polly_magic.settings import Login, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "bench/images"

DISTRIBUTION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {directory}}}
  cache: {{blobdescriptor: inmemory}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass(frozen=True)
class Registry:
    """A running registry.

    Parameters
    ----------
    name : str
    host : str
        ``127.0.0.1:port``.
    authorization : str or None
        Value of the Authorization header, for pull and push on `REPOSITORY`.
    """

    name: str
    host: str
    authorization: str | None
    pid: int

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": self.authorization} if self.authorization else {}

    def peak_memory(self) -> float:
        """Return the process's largest resident size so far, in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmHWM")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def distribution() -> Iterator[Registry]:
    """Run CNCF distribution: file system storage, no authentication, no access log (all in its favour)."""
    program = shutil.which("docker-registry")
    if program is None:
        raise SystemExit("The benchmarks need CNCF distribution: apt-get install docker-registry")
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        settings = Path(directory, "config.yml")
        settings.write_text(DISTRIBUTION.format(directory=directory, port=port))
        with _running([program, "serve", str(settings)], f"http://127.0.0.1:{port}/v2/") as pid:
            yield Registry("distribution", f"127.0.0.1:{port}", None, pid)


@contextlib.contextmanager
def polly() -> Iterator[tuple[Registry, Client]]:
    """Run our service as it ships: fsync, token authentication."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        home = Path(directory, "home")
        environment = {
            **os.environ,
            "POLLY_MAGIC_HOME": str(home),
            "DOCKER_CONFIG": str(Path(directory, "docker")),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        data = Path(directory, "data")
        key_file = Path(directory, "key")
        program = [sys.executable, "-m", "polly_magic"]
        subprocess.run(
            [*program, "accounts", "add", "bench@localhost", "--organization", "bench", "--role", "admin"]
            + ["--data", str(data), "--key-file", str(key_file)],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        key = key_file.read_text().strip()
        url = f"http://127.0.0.1:{port}"
        serve = [*program, "serve", "--data", str(data), "--port", str(port)]
        with _running(serve, f"{url}/healthz", environment) as pid:
            client = Client(Login(Service(url, f"127.0.0.1:{port}"), Secret(key), None))
            client.create(REPOSITORY, description="benchmarks")
            yield Registry("polly", f"127.0.0.1:{port}", f"Bearer {_token(url, client)}", pid), client


def _token(url: str, client: Client) -> str:
    import base64

    password = client.registry_token("pull,push", 3600).secret.reveal()
    basic = base64.b64encode(f"POLLY:{password}".encode()).decode()
    host = url.removeprefix("http://")
    request = urllib.request.Request(
        f"{url}/token?service={host}&scope=repository:{REPOSITORY}:pull,push",
        headers={"Authorization": f"Basic {basic}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["token"])


@contextlib.contextmanager
def _running(command: list[str], url: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {process.returncode}")
            try:
                with urllib.request.urlopen(url, timeout=2):
                    break
            except OSError:
                time.sleep(0.05)
        else:
            raise SystemExit(f"{url} did not answer in 10 s")
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)
