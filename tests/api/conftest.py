"""A service on loopback that answers as a test tells it: in turn, late, wrongly, or not at all."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.api import Client
from polly_magic.models import User
from polly_magic.redaction import Secret
from polly_magic.settings import Login, service_at

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "pk_test-3f1a9c5527d04b58a6e2-never-to-be-seen"
USER = User("ada@elucidata.io", "elucidata", "member")


@dataclass
class Request:
    """What came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What goes back. `drop` breaks the connection instead; `cut` breaks it within the body."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
    delay: float = 0.0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


class FakeService:
    """Answers one after the other; the last one again and again."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.times: list[float] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.times.append(time.monotonic())
                fake.requests.append(Request(self.command, self.path, dict(self.headers.items()), body))
                answer = fake.answers.pop(0) if len(fake.answers) > 1 else fake.answers[0]
                time.sleep(answer.delay)
                if answer.drop:
                    self.break_connection()
                    return
                content = answer.content
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/vnd.api+json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if answer.cut else content)
                if answer.cut:
                    self.break_connection()

            do_GET = do_POST = do_PATCH = answer  # noqa: N815

            def break_connection(self) -> None:
                # Reset rather than finish.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                self.rfile.close()

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def say(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    yield fake
    fake.close()


@pytest.fixture
def other_service() -> Iterator[FakeService]:
    """A second origin, where no key may arrive."""
    fake = FakeService()
    fake.say(Answer(body={"data": []}))
    yield fake
    fake.close()


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with Client(Login(service_at(service.url), Secret(KEY), USER), patience=5) as client:
        yield client


def repository(number: int = 0, **changes: object) -> dict[str, Any]:
    attributes: dict[str, object] = {
        "organization": "elucidata",
        "name": f"repository-{number}",
        "description": f"number {number}",
        "access": "private",
        "created_by": "ada@elucidata.io",
        "created_at": "2020-07-09T15:56:49.000001Z",
    }
    return {"type": "repositories", "id": f"elucidata/repository-{number}", "attributes": {**attributes, **changes}}


def commit(**changes: object) -> dict[str, Any]:
    attributes: dict[str, object] = {
        "repository": "elucidata/16june",
        "tag": "latest",
        "commit_hash": "sha256:39eda93d15866957feaee28f8fc5adb545276a64147445c64992ef69804dbf01",
        "tag_status": "active",
        "pushed_by": "ada@elucidata.io",
        "pushed_at": "2020-06-17T19:03:35.000000Z",
        "size": 72_800_000,
        "media_type": "application/vnd.oci.image.manifest.v1+json",
        "platforms": ["linux/amd64", "linux/arm64/v8"],
    }
    return {"type": "commits", "id": "1", "attributes": {**attributes, **changes}}


def refusal(status: int, detail: str, **more: object) -> Answer:
    return Answer(status, {"errors": [{"status": str(status), "title": "No", "detail": detail, **more}]})
