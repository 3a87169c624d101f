"""What a scientist does, from `docker push` to the cell that pulls an overwritten image, with real parts only."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest
from jupyter_client.manager import start_new_kernel

from polly_magic.api import Client
from tests.images import image_ids, import_image, remove_images
from tests.local_service import ANNA, environment, logged_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class June:
    """``elucidata/16june``, whose tag ``latest`` was pushed twice by Docker itself, and ``elucidata/open``, public."""

    host: str
    environment: dict[str, str]
    first: str
    second: str
    began: datetime
    between: datetime
    ended: datetime
    images_before: frozenset[str]

    @property
    def path(self) -> str:
        return f"{self.host}/elucidata/16june"

    def forget(self, engine: docker.DockerClient) -> None:
        """Let the engine hold nothing that came from the service or was tagged for it."""
        remove_images(engine, f"{self.host}/", keep={*self.images_before})


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    api = docker.from_env()
    try:
        yield api
    finally:
        api.close()


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory, engine: docker.DockerClient) -> Iterator[June]:
    with logged_in(tmp_path_factory.mktemp("anna")) as anna:
        (host,) = json.loads(Path(anna["DOCKER_CONFIG"], "config.json").read_text())["credHelpers"]
        path = f"{host}/elucidata/16june"
        for name, public in {"16june": [], "open": ["--public"]}.items():
            run(anna, "polly-dockers", "create", "--name", name, "--description", "of June", *public)
        before = image_ids(engine)
        images = [import_image(engine, f"{path}:latest", marker) for marker in ("first", "second")]
        try:
            began = datetime.now(timezone.utc)
            first = push(anna, engine, images[0], path)
            between = datetime.now(timezone.utc)
            second = push(anna, engine, images[1], path)
            ended = datetime.now(timezone.utc)
            push(anna, engine, images[1], f"{host}/elucidata/open")
            assert first != second
            yield June(host, anna, first, second, began, between, ended, frozenset(before))
        finally:
            remove_images(engine, f"{host}/", keep=before)
            for image in image_ids(engine).intersection(images):
                engine.images.remove(image, force=True)


def push(who: dict[str, str], engine: docker.DockerClient, image: str, path: str) -> str:
    engine.images.get(image).tag(path, tag="latest")
    said = run(who, "docker", "push", f"{path}:latest")
    (digest,) = re.findall(r"^latest: digest: (sha256:[0-9a-f]{64}) size: \d+$", said, re.MULTILINE)
    return digest


def attempt(who: dict[str, str], *command: str) -> tuple[int, str]:
    done = subprocess.run(command, env=who, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_both_pushes_of_the_tag_are_listed(june: June) -> None:
    listed = json.loads(run(june.environment, "polly-dockers", "commit-list", "--name", "16june", "--all", "--json"))
    assert [(row["commit_hash"], row["tag"], row["tag_status"], row["pushed_by"]) for row in listed] == [
        (june.second, "latest", "active", ANNA),
        (june.first, "latest", "inactive", ANNA),
    ]
    assert [row["pull_path"] for row in listed] == [f"{june.path}:latest", f"{june.path}@{june.first}"]
    second, first = (datetime.fromisoformat(row["pushed_at"].replace("Z", "+00:00")) for row in listed)
    assert june.began < first < june.between < second < june.ended


def test_the_cell_of_the_overwritten_image_pulls_that_very_digest(
    june: June, engine: docker.DockerClient, tmp_path: Path
) -> None:
    june.forget(engine)
    image = f"{june.path}@{june.first}"
    manager, client = start_new_kernel(startup_timeout=60, cwd=str(tmp_path), env=june.environment)

    def execute(code: str) -> dict[str, Any]:
        reply = client.execute_interactive(code, timeout=60, output_hook=lambda _: None)["content"]
        assert reply["status"] == "ok", reply
        return reply

    try:
        execute("%load_ext polly_magic")
        execute("commits = %polly_dockers commit-list --name 16june --all")
        execute("digest = commits.query('tag_status == \"inactive\"')['commit_hash'].item()")
        (payload,) = execute("%polly_dockers pull 16june@{digest}")["payload"]
        assert payload["text"].splitlines()[-1] == f"!docker pull {image}"
        execute("%unload_ext polly_magic")
        execute(payload["text"])
        execute("assert _exit_code == 0")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    held = engine.images.get(image)
    assert held.attrs["RepoDigests"] == [image]
    # Not `containers.run`: it asks for the output of a container that may have ended and be gone by then.
    container = engine.containers.run(image, ["cat", "/marker"], detach=True)
    try:
        assert container.wait()["StatusCode"] == 0
        assert container.logs() == b"first"
    finally:
        container.remove()


@pytest.fixture
def container_tools(june: June, tmp_path: Path) -> dict[str, str]:
    """What skopeo and podman need to ask our credential helper."""
    return june.environment | {
        "REGISTRY_AUTH_FILE": str(Path(june.environment["DOCKER_CONFIG"], "config.json")),
        "TMPDIR": str(tmp_path),
    }


@pytest.mark.skopeo
def test_skopeo_inspects_and_copies_with_the_credential_helper(
    june: June, container_tools: dict[str, str], tmp_path: Path
) -> None:
    for reference, digest in ((":latest", june.second), (f"@{june.first}", june.first)):
        source = f"docker://{june.path}{reference}"
        shown = json.loads(run(container_tools, "skopeo", "inspect", "--tls-verify=false", source))
        assert shown["Digest"] == digest
        assert shown["RepoTags"] == ["latest"]
        copy = tmp_path / digest[7:15]
        run(container_tools, "skopeo", "copy", "--src-tls-verify=false", source, f"dir:{copy}")
        assert f"sha256:{hashlib.sha256((copy / 'manifest.json').read_bytes()).hexdigest()}" == digest


@pytest.mark.podman
def test_podman_pulls_with_the_credential_helper(june: June, container_tools: dict[str, str]) -> None:
    # Podman wants a short path here.
    with tempfile.TemporaryDirectory(prefix="podman-") as directory:
        store = ["--root", f"{directory}/root", "--runroot", f"{directory}/run", "--storage-driver", "vfs"]
        for reference, digest in ((":latest", june.second), (f"@{june.first}", june.first)):
            image = f"{june.path}{reference}"
            run(container_tools, "podman", *store, "pull", "--tls-verify=false", image)
            shown = run(container_tools, "podman", *store, "image", "inspect", "--format", "{{.Digest}}", image)
            assert shown.strip() == digest


def test_anyone_pulls_what_is_public_and_nobody_unknown_pushes(
    june: June, engine: docker.DockerClient, tmp_path: Path
) -> None:
    nobody = environment(tmp_path)
    image = f"{june.host}/elucidata/open:latest"

    def update(access: str) -> None:
        run(june.environment, "polly-dockers", "update", "--name", "open", access)

    update("--private")
    june.forget(engine)
    status, said = attempt(nobody, "docker", "pull", image)
    assert status != 0, said

    update("--public")
    run(nobody, "docker", "pull", image)
    assert f"{june.host}/elucidata/open@{june.second}" in engine.images.get(image).attrs["RepoDigests"]
    status, said = attempt(nobody, "docker", "push", image)
    assert status != 0, said
    assert re.search("unauthorized|denied", said), said
    rows = json.loads(run(june.environment, "polly-dockers", "commit-list", "--name", "open", "--all", "--json"))
    assert [row["pushed_by"] for row in rows] == [ANNA]


@pytest.fixture
def eve(june: June, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Somebody of another organisation, logged in to the same service."""
    monkeypatch.setenv("POLLY_MAGIC_HOME", june.environment["POLLY_MAGIC_HOME"])
    with Client() as client:
        service = client.login.service
    assert service.data is not None
    key = tmp_path / "eve.key"
    who = ["eve@other.org", "--organization", "other", "--key-file", str(key), "--data", service.data]
    run(june.environment, "polly-dockers", "accounts", "add", *who)
    eve = environment(tmp_path / "eve")
    done = subprocess.run(
        ["polly-dockers", "login", "--service", service.api_url],
        env=eve, input=key.read_text(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return eve


@pytest.mark.skopeo
def test_another_organisation_cannot_tell_a_private_repository_from_a_missing_one(
    june: June, eve: dict[str, str], engine: docker.DockerClient
) -> None:
    june.forget(engine)
    names = ("16june", "never")
    tools = eve | {"REGISTRY_AUTH_FILE": str(Path(eve["DOCKER_CONFIG"], "config.json"))}
    local = import_image(engine, f"{june.host}/elucidata/16june:latest", "of eve")
    engine.images.get(local).tag(f"{june.host}/elucidata/never", tag="latest")

    def same(who: dict[str, str], *command: str) -> str:
        (status, said), other = (
            attempt(who, *(word.replace("NAME", f"{june.host}/elucidata/{name}") for word in command)) for name in names
        )
        assert (status, blank(said)) == (other[0], blank(other[1]))
        assert status != 0
        return said

    def blank(said: str) -> str:
        # the name that was asked for, and the time of skopeo's log line
        return re.sub(r'time="[^"]*"', "", said.replace("16june", "NAME").replace("never", "NAME"))

    assert re.search("denied|unauthorized|not found", same(eve, "docker", "pull", "NAME:latest"))
    same(eve, "docker", "pull", f"NAME@{june.first}")
    same(eve, "docker", "push", "NAME:latest")
    same(tools, "skopeo", "inspect", "--tls-verify=false", "docker://NAME:latest")
    same(tools, "skopeo", "list-tags", "--tls-verify=false", "docker://NAME")
    same(eve, "polly-dockers", "commit-list", "--name", "NAME", "--all")
    same(eve, "polly-dockers", "pull", "NAME:latest")
    assert json.loads(run(eve, "polly-dockers", "list", "--all", "--json")) == []
