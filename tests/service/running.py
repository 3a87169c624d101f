"""The real service on loopback, in a thread of the test's process, with two organisations and their users."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import requests
from aiohttp import web

from polly_magic.service import accounts
from polly_magic.service.application import build_application
from polly_magic.service.keys import DATABASE
from polly_magic.service.registry.routes import RUNNER_OPTIONS
from polly_magic.service.schema import now, repositories

if TYPE_CHECKING:
    from polly_magic.service.config import Config

ADMIN, MEMBER, STRANGER = "ada@elucidata.io", "grace@elucidata.io", "eve@other.org"
OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class RunningService:
    """The application in its own event loop; `stop` and `start` again are a restart on the same data."""

    def __init__(self, config: Config) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.config = replace(config, host="127.0.0.1", port=port)
        self.address = ("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{port}"
        self.keys: dict[str, str] = {}
        self.app: web.Application
        self._tokens: dict[tuple[str | None, str], str] = {}

    def start(self) -> None:
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), name="service")
        self._thread.start()
        assert started.wait(20), "the service did not start"

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self.app = build_application(self.config)
        runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1, **RUNNER_OPTIONS)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, *self.address, reuse_address=True).start())
        self._loop.call_soon(started.set)
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def restart(self, **changes: Any) -> None:
        self.stop()
        self.config = replace(self.config, **changes)
        self._tokens.clear()
        self.start()

    @property
    def database(self) -> Any:
        return self.app[DATABASE]

    def add_user(self, email: str, organization: str, role: accounts.Role) -> None:
        def add(connection: Any) -> str:
            organization_id = accounts.find_organization(connection, organization)
            if organization_id is None:
                organization_id = accounts.create_organization(connection, organization)
            user_id = accounts.create_user(connection, email, organization_id, role)
            return accounts.issue_key(connection, user_id).reveal()

        self.keys[email] = self.database.write_now(add)

    def create(self, path: str, *, access: str = "private", by: str = ADMIN) -> None:
        organization, _, name = path.partition("/")

        def add(connection: Any) -> None:
            values = {
                "organization_id": accounts.find_organization(connection, organization),
                "name": name,
                "description": "",
                "access": access,
                "created_by": accounts.find_user(connection, by),
                "created_at": now(),
            }
            connection.execute(repositories.insert().values(values))

        self.database.write_now(add)

    def rows(self, statement: Any) -> list[Any]:
        return self.database.write_now(lambda connection: connection.execute(statement).all())

    def token(self, user: str | None, *scopes: str) -> str:
        key = (user, " ".join(scopes))
        if key not in self._tokens:
            auth = ("POLLY", self.keys[user]) if user else None
            answer = requests.get(f"{self.url}/token", params={"scope": scopes}, auth=auth, timeout=20)
            assert answer.status_code == 200, answer.text
            self._tokens[key] = answer.json()["token"]
        return self._tokens[key]


class Registry:
    """What a client does in one repository, as one user."""

    def __init__(self, service: RunningService, path: str, user: str | None = MEMBER, *more_scopes: str) -> None:
        self.service = service
        self.path = path
        self.base = f"{service.url}/v2/{path}"
        self.token = service.token(user, f"repository:{path}:pull,push,delete", *more_scopes)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.token}"

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        if url.startswith("/v2/"):
            url = self.service.url + url
        elif not url.startswith("http"):
            url = f"{self.base}/{url}"
        options.setdefault("timeout", 60)
        return self.session.request(method, url, **options)

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def push_blob(self, content: bytes, algorithm: str = "sha256") -> str:
        digest = digest_of(content, algorithm)
        answer = self.request("POST", f"blobs/uploads/?digest={digest}", data=content)
        assert answer.status_code == 201, answer.text
        return digest

    def begin(self) -> str:
        answer = self.request("POST", "blobs/uploads/")
        assert answer.status_code == 202, answer.text
        return answer.headers["Location"]

    def put(self, reference: str, manifest: Any, media_type: str | None = None) -> requests.Response:
        content = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        media_type = media_type or (manifest["mediaType"] if isinstance(manifest, dict) else OCI_IMAGE)
        return self.request("PUT", f"manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def blob(self, content: bytes, media_type: str = OCI_LAYER, **more: Any) -> dict[str, Any]:
        """Push a blob and return its descriptor."""
        return descriptor(content, media_type, **more) | {"digest": self.push_blob(content)}

    def image(self, name: str, platform: str = "linux/amd64", **more: Any) -> dict[str, Any]:
        """Push what a small image consists of, and return its manifest."""
        config = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
        return {
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": self.blob(json.dumps(config | {"name": name}).encode(), OCI_CONFIG),
            "layers": [self.blob(f"layer of {name}".encode())],
            **more,
        }


def descriptor(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def error_of(answer: requests.Response) -> tuple[int, str]:
    """Return status and code of a refusal, after a look at its form."""
    assert answer.headers["Content-Type"].startswith("application/json"), answer.headers
    (error,) = answer.json()["errors"]
    assert error["message"]
    return answer.status_code, error["code"]
