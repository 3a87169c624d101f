"""CNCF distribution as a second real registry beside our own service, and a registry that misbehaves."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# bcrypt of "correct horse"
HTPASSWD = "anna:$2b$05$2qCXCI1qx6I2vpfBVYUjO.MN6k64Yj8EsdgPIebB2vloK5S0qaakC\n"


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a docker-registry that asks nobody who they are."""
    with _serving(tmp_path_factory.mktemp("distribution"), "") as host:
        yield host


@pytest.fixture(scope="module")
def distribution_with_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a docker-registry that asks for Basic authentication."""
    directory = tmp_path_factory.mktemp("distribution")
    (directory / "htpasswd").write_text(HTPASSWD)
    with _serving(directory, f"auth: {{htpasswd: {{realm: test, path: {directory / 'htpasswd'}}}}}\n") as host:
        yield host


@contextmanager
def _serving(directory: Path, settings: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    configuration = directory / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {directory / 'data'}}}}}\n"
        f"http: {{addr: '{host}', secret: tests}}\n{settings}"
    )
    command = ["docker-registry", "serve", str(configuration)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not _answers(host):
                assert process.poll() is None, "docker-registry ended"
                assert time.monotonic() < deadline, "docker-registry does not answer"
                time.sleep(0.05)
            yield host
        finally:
            process.terminate()


def _answers(host: str) -> bool:
    try:
        requests.get(f"http://{host}/v2/", timeout=1).close()
    except requests.ConnectionError:
        return False
    return True


@dataclass
class Impostor:
    """A registry that answers what a test tells it to, and remembers what it was asked.

    `answers` maps ``"METHOD /path"`` to the answers to give in turn, the last one again and again.
    """

    host: str = ""
    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def answer(self, request: str, status: int, headers: dict[str, str] | None = None, body: object = b"") -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(request, []).append((status, headers or {}, content))


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    told = Impostor()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.asked.append((f"{self.command} {self.path}", dict(self.headers)))
            answers = told.answers.get(f"{self.command} {self.path.partition('?')[0]}", [(404, {}, b"")])
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - http.server looks for these names

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name in http.server

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.host = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield told
        server.shutdown()
        thread.join()
