"""kill -9 of the service while eight clients push: what was acknowledged is there, what was not is not half there."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 50
PUSHERS = 8
REPOSITORY = "elucidata/16june"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass
class Ledger:
    """What the clients know: written down only after the answer had arrived."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    blobs: dict[str, int] = field(default_factory=dict)
    """Acknowledged: digest and size."""
    commits: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Acknowledged: tag, digest, manifest."""
    started: set[str] = field(default_factory=set)
    """Digests of blobs that somebody has begun to push."""
    finishing: set[str] = field(default_factory=set)
    """Digests whose last byte may have reached the service: only these may be there without an acknowledgement."""


class Service:
    """The real program in a process of its own, on one data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.program = [sys.executable, "-m", "polly_magic"]
        key_file = directory / "key"
        add = ["accounts", "add", "pusher@elucidata.io", "--organization", "elucidata"]
        subprocess.run(
            [*self.program, *add, "--data", str(directory / "data"), "--key-file", str(key_file)],
            check=True,
            capture_output=True,
        )
        self.key = key_file.read_text().strip()
        self.url = ""

    def start(self) -> None:
        state = self.directory / "data" / "service.json"
        state.unlink(missing_ok=True)
        self.log = (self.directory / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [*self.program, "serve", "--data", str(self.directory / "data"), "--port", "0"],
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail("the service did not start again:\n" + (self.directory / "serve.log").read_text()[-2000:])
            with contextlib.suppress(OSError, ValueError, requests.RequestException):
                self.url = json.loads(state.read_text())["url"]
                if requests.get(f"{self.url}/healthz", timeout=5).status_code == 200:
                    return
            time.sleep(0.02)
        pytest.fail("the service was not healthy within 30 s")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def session(self) -> requests.Session:
        basic = base64.b64encode(f"POLLY:{self.key}".encode()).decode()
        answer = requests.get(
            f"{self.url}/token",
            params={"service": self.url.removeprefix("http://"), "scope": f"repository:{REPOSITORY}:pull,push"},
            headers={"Authorization": f"Basic {basic}"},
            timeout=30,
        )
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return session


@pytest.fixture
def service(tmp_path: Path):
    service = Service(tmp_path)
    service.start()
    try:
        answer = requests.post(
            f"{service.url}/repositories",
            json={
                "data": {
                    "type": "repositories",
                    "attributes": {"name": "16june", "description": "", "access": "private"},
                }
            },
            headers={"x-api-key": service.key, "Content-Type": "application/vnd.api+json"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        yield service
    finally:
        service.kill()


class Pusher(threading.Thread):
    """Pushes images until the service is gone: blobs in one piece, in chunks, and given up half way."""

    def __init__(self, service: Service, ledger: Ledger, tag: str, seed: int) -> None:
        super().__init__(name=f"pusher-{tag}", daemon=True)
        self.base = f"{service.url}/v2/{REPOSITORY}"
        self.service = service
        self.ledger = ledger
        self.tag = tag
        self.random = random.Random(seed)
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            with self.service.session() as session:
                while True:
                    self.push_image(session)
        except requests.RequestException:
            pass  # the service was killed, as it should be
        except BaseException as error:  # noqa: BLE001 - raised by the test itself
            self.problem = error

    def push_image(self, session: requests.Session) -> None:
        config = json.dumps({"os": "linux", "architecture": "amd64", "made": self.random.random()}).encode()
        layers = [self.random.randbytes(self.random.randrange(0, 400_000)) for _ in range(2)]
        self.give_up(session, self.random.randbytes(50_000))
        for content in (config, *layers):
            self.push_blob(session, content)
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
                "layers": [{"mediaType": OCI_LAYER, "digest": digest_of(b), "size": len(b)} for b in layers],
            }
        ).encode()
        answer = session.put(
            f"{self.base}/manifests/{self.tag}", data=manifest, headers={"Content-Type": OCI_MANIFEST}, timeout=60
        )
        assert answer.status_code == 201, answer.text
        with self.ledger.lock:
            self.ledger.commits.append((self.tag, digest_of(manifest), manifest))

    def push_blob(self, session: requests.Session, content: bytes) -> None:
        digest = digest_of(content)
        with self.ledger.lock:
            self.ledger.started.add(digest)
        location = self.begin(session)
        rest = content
        if self.random.random() < 0.5:
            middle = len(content) // 2
            answer = session.patch(
                location,
                data=content[:middle],
                headers={"Content-Type": "application/octet-stream", "Content-Range": f"0-{max(middle - 1, 0)}"}
                if middle
                else {"Content-Type": "application/octet-stream"},
                timeout=60,
            )
            assert answer.status_code == 202, answer.text
            location, rest = self.absolute(answer.headers["Location"]), content[middle:]
        with self.ledger.lock:
            self.ledger.finishing.add(digest)
        answer = session.put(
            location,
            params={"digest": digest},
            data=rest,
            headers={"Content-Type": "application/octet-stream"},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        with self.ledger.lock:
            self.ledger.blobs[digest] = len(content)

    def give_up(self, session: requests.Session, content: bytes) -> None:
        """Send all bytes of a blob, but never the request that would finish it."""
        with self.ledger.lock:
            self.ledger.started.add(digest_of(content))
        headers = {"Content-Type": "application/octet-stream"}
        session.patch(self.begin(session), data=content, headers=headers, timeout=60)

    def begin(self, session: requests.Session) -> str:
        answer = session.post(f"{self.base}/blobs/uploads/", timeout=60)
        assert answer.status_code == 202, answer.text
        return self.absolute(answer.headers["Location"])

    def absolute(self, location: str) -> str:
        return location if location.startswith("http") else self.service.url + location


def listed_commits(service: Service) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    url: str | None = f"{service.url}/commits?filter[repository]={REPOSITORY}&page[size]=1000"
    while url:
        page = requests.get(url, headers={"x-api-key": service.key}, timeout=60).json()
        found += [resource["attributes"] for resource in page["data"]]
        url = page["links"].get("next")
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_acknowledged_pushes_survive_kill_9_and_nothing_else_is_readable(service: Service) -> None:
    seed = int(os.environ.get("SURVIVAL_SEED", time.time_ns() % 1_000_000))
    print(f"SURVIVAL_SEED={seed}")
    chance = random.Random(seed)
    ledger = Ledger()
    checked = 0
    for kill in range(KILLS):
        # Two tags are shared by four clients each, so that overwriting is under way at the same time too.
        pushers = [Pusher(service, ledger, f"tag-{n % 2}", seed + kill * PUSHERS + n) for n in range(PUSHERS)]
        for pusher in pushers:
            pusher.start()
        time.sleep(chance.uniform(0.02, 0.8))
        service.kill()
        for pusher in pushers:
            pusher.join(60)
            assert not pusher.is_alive()
            if pusher.problem:
                raise pusher.problem
        service.start()
        with service.session() as session:
            for tag, digest, manifest in ledger.commits[checked:]:
                assert session.get(f"{service.url}/v2/{REPOSITORY}/manifests/{digest}").content == manifest, tag
            checked = len(ledger.commits)

    commits = listed_commits(service)
    listed = {(commit["tag"], commit["commit_hash"]) for commit in commits}
    assert {(tag, digest) for tag, digest, _ in ledger.commits} <= listed
    assert len(ledger.commits) > KILLS, "too few pushes came through for this to mean anything"
    active = [commit["tag"] for commit in commits if commit["tag_status"] == "active"]
    assert sorted(active) == ["tag-0", "tag-1"]

    interrupted = ledger.started - set(ledger.blobs)
    assert len(interrupted) >= KILLS, "too few pushes were interrupted for this to mean anything"
    with service.session() as session:
        for digest, size in ledger.blobs.items():
            content = session.get(f"{service.url}/v2/{REPOSITORY}/blobs/{digest}").content
            assert (digest_of(content), len(content)) == (digest, size)
        for digest in interrupted:
            answer = session.get(f"{service.url}/v2/{REPOSITORY}/blobs/{digest}")
            # Where the kill fell between the commit on disk and the answer on the wire, no service can do otherwise
            # than keep what it has; but whole, and only if the client may have sent its last byte.
            if answer.status_code == 200:
                assert digest in ledger.finishing
                assert digest_of(answer.content) == digest
            else:
                assert answer.status_code == 404
        for commit in commits:
            answer = session.get(f"{service.url}/v2/{REPOSITORY}/manifests/{commit['commit_hash']}")
            assert digest_of(answer.content) == commit["commit_hash"]
    readable = len(interrupted & ledger.finishing)
    print(
        f"{KILLS} kills: {len(ledger.commits)} commits and {len(ledger.blobs)} blobs acknowledged and there; "
        f"{len(interrupted)} blobs not acknowledged, {readable} of them with the last byte perhaps sent"
    )
