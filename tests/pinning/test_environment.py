"""What a process finds out about the image it runs in: from made-up traces, and inside real containers."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from polly_magic.engine import Engine
from polly_magic.pinning.environment import Environment, container_id, this_environment
from polly_magic.references import Reference, parse
from tests.commands.faces import RecordingFace, run
from tests.images import import_image

if TYPE_CHECKING:
    import docker

    from tests.anna import Anna

ID = "5747316366b8cc9e3021cd7286f42b2d6d81e3d743e2ab571f55bcd5df788cc8"
OTHER = 64 * "0"
IMAGE = f"docker.polly.elucidata.io/elucidata/16june@sha256:{ID}"
OWN_MOUNT = "600 590 8:1 /var/lib/docker/containers/{}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw"
ROOT = Path(__file__).parents[2]


def machine(root: Path, **files: str) -> Path:
    """A file system with these traces: mountinfo, cgroup, hostname, dockerenv."""
    places = {
        "mountinfo": "proc/self/mountinfo",
        "cgroup": "proc/self/cgroup",
        "hostname": "etc/hostname",
        "dockerenv": ".dockerenv",
        "containerenv": "run/.containerenv",
    }
    for name, written in files.items():
        path = root / places[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written)
    return root


@pytest.mark.parametrize(
    ("traces", "found"),
    [
        ({}, None),
        ({"mountinfo": OWN_MOUNT.format(ID)}, ID),
        ({"mountinfo": f"1 2 0:1 / / rw - x y z\nodd\n\n{OWN_MOUNT.format(ID)}", "cgroup": f"0::/docker/{OTHER}"}, ID),
        (
            {
                "mountinfo": "1 2 0:5 /containers/storage/overlay-containers/"
                f"{ID}/userdata/resolv.conf /etc/resolv.conf rw - tmpfs tmpfs rw"
            },
            ID,
        ),
        # On the engine's own machine its containers' mounts are seen, and are no trace of being in one.
        ({"mountinfo": f"9 8 0:9 / /var/lib/docker/containers/{ID}/mounts/shm rw - tmpfs shm rw"}, None),
        ({"mountinfo": f"9 8 0:9 /var/lib/docker/containers/{ID}/x /somewhere rw - ext4 a rw"}, None),
        ({"cgroup": f"12:memory:/docker/{ID}\n"}, ID),
        ({"cgroup": f"0::/system.slice/docker-{ID}.scope\n"}, ID),
        ({"cgroup": f"0::/machine.slice/libpod-{ID}.scope/container\n"}, ID),
        ({"cgroup": "0::/\n", "hostname": ID[:12]}, None),
        ({"cgroup": "0::/\n", "hostname": f"{ID[:12]}\n", "dockerenv": ""}, ID[:12]),
        ({"hostname": "laboratory", "containerenv": ""}, None),
    ],
)
def test_container_is_known_by_what_its_engine_mounts_or_names(
    tmp_path: Path, traces: dict[str, str], found: str | None
) -> None:
    assert container_id(machine(tmp_path, **traces)) == found


def test_variable_goes_before_everything(tmp_path: Path) -> None:
    root = machine(tmp_path, mountinfo=OWN_MOUNT.format(OTHER))
    told = this_environment(root, {"POLLY_IMAGE": f" {IMAGE}\n"})
    assert told == Environment(IMAGE, frozenset({f"sha256:{ID}"}))


@pytest.mark.parametrize("value", ["", "16june:latest", "???", "16june@5747316"])
def test_variable_without_a_digest_says_nothing(tmp_path: Path, value: str) -> None:
    assert this_environment(tmp_path, {"POLLY_IMAGE": value}) == Environment("no container")
    unknown = this_environment(machine(tmp_path, dockerenv=""), {"POLLY_IMAGE": value})
    assert not unknown.known
    assert unknown.said.startswith("it runs in a container whose ID is not to be found")
    assert (repr(value) in unknown.said) == bool(value)


def test_engine_that_does_not_answer_leaves_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    unknown = this_environment(machine(tmp_path, mountinfo=OWN_MOUNT.format(ID)), {})
    assert not unknown.known
    assert unknown.said.startswith(f"it runs in the container {ID[:12]}, and nobody can be asked: No Docker engine")


@pytest.mark.engine
def test_container_of_another_engine_leaves_it_open(tmp_path: Path) -> None:
    unknown = this_environment(machine(tmp_path, mountinfo=OWN_MOUNT.format(OTHER)), {})
    assert not unknown.known
    assert unknown.said == f"it runs in the container {OTHER[:12]}, which this engine does not know"


# --- inside of containers ---------------------------------------------------------------------------------------


@pytest.fixture
def pushed(anna: Anna, local: docker.DockerClient) -> Reference:
    """An image of a shell, pushed and held by the engine."""
    name = anna.create("environment-")
    import_image(local, f"polly-test:{name}", secrets.token_hex(4))
    (commit,) = run(RecordingFace(), "push", f"polly-test:{name}", f"{name}:latest").models
    return parse(f"{commit.repository}@{commit.commit_hash}")


def python_of_this_machine() -> dict[str, str]:
    """What must be mounted so that this Python, with this package, runs in an image that has none."""
    places = {str(ROOT), sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)}
    places |= {directory for directory in ("/usr", "/lib", "/lib64") if Path(directory).exists()}
    outer = [place for place in places if not any(place.startswith(f"{other}/") for other in places)]
    return {place: place for place in outer}


def require(image: Reference, *more: str) -> list[str]:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from polly_magic.terminal import main; sys.exit(main())"
    return [sys.executable, "-c", script, "require", str(image), *more]


@pytest.mark.engine
def test_our_own_container_knows_its_image(pushed: Reference, tmp_path: Path) -> None:
    written: list[str] = []
    mounts = python_of_this_machine()
    with Engine() as engine:
        assert engine.run(pushed, require(pushed), write=written.append, mounts=mounts) == 0, written
        line = f"This kernel runs in {pushed.name}@{str(pushed.digest)[7:14]}, as the notebook needs.\n"
        assert "".join(written) == line
        written.clear()
        other = pushed.with_digest("sha256:" + OTHER)
        assert engine.run(pushed, require(other), write=written.append, mounts=mounts) == 1
    said = "".join(written)
    assert said.startswith(f"This notebook needs {other}, and this kernel runs in {pushed}.")


@pytest.mark.engine
def test_container_of_others_is_asked_of_the_engine(pushed: Reference, local: docker.DockerClient) -> None:
    def start(command: list[str], *more: str) -> str:
        volumes = [f"{place}:{place}" for place in [*python_of_this_machine(), *more]]
        output: Any = local.containers.run(str(pushed), command, volumes=volumes, remove=True, stderr=True)
        return output.decode()

    socket = "/var/run/docker.sock"
    assert start(require(pushed), socket).endswith(", as the notebook needs.\n")
    other = pushed.with_digest("sha256:" + OTHER)
    assert f"and this kernel runs in {pushed}." in start(require(other, "--warn"), socket)
    closed = start(require(pushed, "--warn"))
    assert closed.startswith("Warning: This notebook needs ")
    assert "and it cannot be told what this kernel runs in: it runs in the container " in closed
    assert "-e POLLY_IMAGE=" in closed


@pytest.mark.engine
def test_image_that_was_never_pushed_has_no_digest(local: docker.DockerClient) -> None:
    name = f"polly-test:{secrets.token_hex(4)}"
    import_image(local, name, name)
    container = local.containers.create(name, ["sh"])
    try:
        with Engine() as engine:
            assert engine.image_of(str(container.id)) == (name, frozenset())
            assert engine.image_of(OTHER) is None
    finally:
        container.remove()
