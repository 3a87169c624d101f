"""The real Docker engine against the real service; a false one only for what the real one cannot be made to do."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from polly_magic.engine import Engine
from polly_magic.engine.containers import LABEL
from polly_magic.engine.failures import explain
from polly_magic.engine.progress import follow, ignore
from polly_magic.errors import EngineFailure, EngineUnavailable, NotFound
from polly_magic.redaction import Secret
from polly_magic.references import Reference, parse
from tests.images import import_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polly_magic.api import Client

Bar = tuple[str, int, "int | None", str]


@dataclass(frozen=True)
class Password:
    secret: Secret
    username: str = "POLLY"


# --- what the engine says, without an engine ---------------------------------------------------------------------


def test_a_pull_is_one_bar_a_layer_with_totals() -> None:
    bars: list[Bar] = []
    events: list[dict[str, Any]] = [
        {"status": "Pulling from elucidata/16june", "id": "latest"},
        {"status": "Already exists", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
        {"status": "Downloading", "progressDetail": {"current": 10, "total": 100}, "id": "bbbbbbbbbbbb"},
        {"status": "Verifying Checksum", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
        {"status": "Download complete", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
        {"status": "Extracting", "progressDetail": {"current": 50, "total": 100}, "id": "bbbbbbbbbbbb"},
        {"status": "Pull complete", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
        {"status": "Digest: sha256:5747"},
        {"status": "Status: Downloaded newer image"},
    ]
    assert follow(events, lambda *bar: bars.append(bar)) == ("sha256:5747", None)
    assert bars == [
        ("aaaaaaaaaaaa", 0, 0, "Already exists"),
        ("bbbbbbbbbbbb", 0, None, "Pulling fs layer"),
        ("bbbbbbbbbbbb", 10, 100, "Downloading"),
        ("bbbbbbbbbbbb", 100, 100, "Verifying Checksum"),
        ("bbbbbbbbbbbb", 100, 100, "Download complete"),
        ("bbbbbbbbbbbb", 50, 100, "Extracting"),
        ("bbbbbbbbbbbb", 100, 100, "Pull complete"),
    ]


def test_a_push_is_one_bar_a_layer_that_never_passes_its_total() -> None:
    bars: list[Bar] = []
    events: list[dict[str, Any]] = [
        {"status": "The push refers to repository [x]"},
        {"status": "Preparing", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
        {"status": "Mounted from elucidata/base", "progressDetail": {}, "id": "cccccccccccc"},
        {"status": "Layer already exists", "progressDetail": {}, "id": "bbbbbbbbbbbb"},
        {"status": "Pushing", "progressDetail": {"current": 120, "total": 100}, "id": "aaaaaaaaaaaa"},
        {"status": "Pushed", "progressDetail": {}, "id": "aaaaaaaaaaaa"},
        {"progressDetail": {}, "aux": {"Tag": "latest", "Digest": "sha256:5747", "Size": 527}},
    ]
    assert follow(events, lambda *bar: bars.append(bar)) == ("sha256:5747", None)
    assert bars == [
        ("aaaaaaaaaaaa", 0, None, "Preparing"),
        ("cccccccccccc", 0, 0, "Mounted from elucidata/base"),
        ("bbbbbbbbbbbb", 0, 0, "Layer already exists"),
        ("aaaaaaaaaaaa", 100, 100, "Pushing"),
        ("aaaaaaaaaaaa", 100, 100, "Pushed"),
    ]


def test_the_digest_is_also_read_from_the_words_of_a_push() -> None:
    assert follow([{"status": "latest: digest: sha256:5747 size: 527"}], ignore) == ("sha256:5747", None)


def test_the_first_error_in_the_stream_counts() -> None:
    events = [{"error": "denied: no", "errorDetail": {"message": "denied: no"}}, {"error": "and gone"}]
    assert follow(events, ignore) == (None, "denied: no")
    assert follow([{"errorDetail": {"message": "denied: no"}}], ignore) == (None, "denied: no")


JUNE = parse("docker.polly.elucidata.io/elucidata/16june:latest")


@pytest.mark.parametrize(
    ("message", "problem", "remedy"),
    [
        (
            "name unknown: No such repository",
            "elucidata/16june does not exist",
            "create --name elucidata/16june --desc",
        ),
        (
            "manifest for x:y not found: manifest unknown: z",
            "16june:latest is not on the service",
            "commit-list --name",
        ),
        ("unauthorized: authentication required", "does not know you", "%polly_dockers login"),
        ("denied: requested access is denied", "does not let you", "administrator of elucidata"),
        ("received unexpected HTTP status: 507 Insufficient Storage", "has no room", "once there is room"),
        ("write /var/lib/docker/tmp/x: no space left on device", "disk of the Docker engine is full", "system prune"),
        ("Get https://x/v2/: dial tcp 1.2.3.4:443: connect: connection refused", "does not reach", "service runs"),
        ("Get https://x/v2/: http: server gave HTTP response to HTTPS client", "wants HTTPS", "insecure-registries"),
        ("x509: certificate signed by unknown authority", "does not trust the certificate", "/etc/docker/certs.d"),
        ("toomanyrequests: slow down", "too much at once", "Wait a minute"),
        ("no matching manifest for linux/arm64 in the manifest list", "kind of processor", "commit-list"),
        ("filesystem layer verification failed for digest sha256:1", "not what its digest says", "Try again"),
        ("runc create failed: permission denied: OCI permission denied", "cannot start a container", "docker run --rm"),
        ("driver failed: Bind for 127.0.0.1:5000 failed: port is already allocated", "has taken a port", "other ports"),
        ("invalid mount config for type bind: bind source path does not exist: /x", "is not on", "that exist"),
        ("could not select device driver with capabilities: [[gpu]]", "no such GPU", "NVIDIA container toolkit"),
        ("Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs", "this much memory or processor", "has"),
        ("something\nelse", "something else", "docker info"),
    ],
)
def test_every_failure_says_what_to_do(message: str, problem: str, remedy: str) -> None:
    error = explain(message, JUNE)
    assert problem in error.problem
    assert " ".join(message.split()) in error.problem
    assert remedy in error.remedy


def test_a_failure_shows_no_secret() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2VjcmV0"
    assert token not in str(explain(f"denied for Bearer {token}", JUNE))


# --- no engine ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unconnected")
@pytest.mark.parametrize(
    "host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "nonsense://x", "tcp://127.0.0.1:port", "tcp://"]
)
def test_a_wrong_docker_host_is_named(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineUnavailable) as caught, Engine():
        pass
    assert f"DOCKER_HOST={host}" in caught.value.problem
    assert "unset it" in caught.value.remedy


@pytest.mark.usefixtures("unconnected")
def test_an_engine_that_does_not_run_is_to_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Docker's current context names the engine where DOCKER_HOST does not.
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("polly_magic.engine.connection.docker.from_env", lambda: _client(f"unix://{tmp_path}/none"))
    with pytest.raises(EngineUnavailable) as caught, Engine():
        pass
    assert caught.value.problem.startswith("No Docker engine runs at unix:///")
    assert "systemctl start docker" in caught.value.remedy


@pytest.mark.parametrize("text", ["[]", '{"auths": 3}', '{"currentContext": "damaged"}'])
def test_a_damaged_configuration_of_docker_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(text)
    context = tmp_path / "contexts" / "meta" / hashlib.sha256(b"damaged").hexdigest() / "meta.json"
    context.parent.mkdir(parents=True)
    context.write_text("{")
    with pytest.raises(EngineUnavailable) as caught, Engine():
        pass
    assert "configuration cannot be used" in caught.value.problem
    assert str(tmp_path) in caught.value.remedy


def _client(url: str) -> docker.DockerClient:
    return docker.DockerClient(url)


def test_no_permission_on_the_socket_names_the_group(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "docker.sock"))
        listening.listen()
        (tmp_path / "docker.sock").chmod(0)
        program = (
            "from polly_magic.engine import Engine\nfrom polly_magic.errors import EngineUnavailable\n"
            "try:\n    Engine().__enter__()\nexcept EngineUnavailable as error:\n    print(error)"
        )
        # root without its privileges is refused like everybody else
        unprivileged = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
        shown = subprocess.run(
            [*unprivileged, sys.executable, "-c", program],
            env=os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    assert "not permitted to use the Docker engine" in shown
    assert "usermod -aG docker" in shown


# --- an engine that misbehaves -----------------------------------------------------------------------------------


@dataclass
class FalseEngine:
    """Answers a pull and a push with the events it is told, and every other question with `image`."""

    events: list[dict[str, Any]] = field(default_factory=list)
    image: dict[str, Any] | None = None
    breaks_off: bool = False
    pause: float = 0.0
    """Seconds of silence before each event."""


@pytest.fixture
def false_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FalseEngine]:
    told = FalseEngine()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.endswith("/version"):
                self._answer(200, {"ApiVersion": "1.41"})
            else:
                self._answer(200 if told.image else 404, told.image or {"message": "No such image: x"})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.split("?")[0].endswith("/tag"):
                self._answer(201, {})
                return
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for event in told.events:
                time.sleep(told.pause)
                line = json.dumps(event).encode() + b"\r\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            if told.breaks_off:
                self.wfile.write(b"ff\r\n{")
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def _answer(self, status: int, value: dict[str, Any]) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name in http.server

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
        yield told
        server.shutdown()
        thread.join()


DIGEST = f"sha256:{64 * '5'}"
BY_DIGEST = parse(f"docker.polly.elucidata.io/elucidata/16june@{DIGEST}")


def test_a_pull_that_ends_with_another_digest_is_no_success(false_engine: FalseEngine) -> None:
    false_engine.events = [{"status": f"Digest: {DIGEST}"}]
    false_engine.image = {"Id": "sha256:1", "RepoDigests": [f"{BY_DIGEST.repository}@sha256:{64 * '6'}"], "Size": 1}
    with Engine() as engine, pytest.raises(EngineFailure, match="does not hold that digest"):
        engine.pull(BY_DIGEST)


def test_an_engine_out_of_disk_says_so(false_engine: FalseEngine) -> None:
    false_engine.events = [{"error": "failed to register layer: write /x: no space left on device"}]
    with Engine() as engine, pytest.raises(EngineFailure, match="disk of the Docker engine is full"):
        engine.pull(BY_DIGEST)


def test_a_service_out_of_disk_says_so(false_engine: FalseEngine) -> None:
    false_engine.image = {"Id": "sha256:1", "RepoTags": [], "RepoDigests": []}
    false_engine.events = [{"error": "received unexpected HTTP status: 507 Insufficient Storage"}]
    with Engine() as engine, pytest.raises(EngineFailure, match=r"service at docker\.polly\.elucidata\.io has no room"):
        engine.push("x", JUNE)


def test_a_push_without_a_digest_is_no_success(false_engine: FalseEngine) -> None:
    false_engine.image = {"Id": "sha256:1", "RepoTags": [], "RepoDigests": []}
    with Engine() as engine, pytest.raises(EngineFailure, match="does not say which digest"):
        engine.push("x", JUNE)


def test_a_registry_may_take_its_time_over_a_push(false_engine: FalseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = functools.partial(docker.from_env, timeout=1)
    monkeypatch.setattr("polly_magic.engine.connection.docker.from_env", impatient)
    false_engine.image = {"Id": "sha256:1", "RepoTags": [], "RepoDigests": []}
    false_engine.events = [{"aux": {"Digest": DIGEST}}]
    false_engine.pause = 1.5
    with Engine() as engine:
        assert engine.push("x", JUNE) == DIGEST


def test_an_engine_that_dies_in_the_middle_is_no_traceback(false_engine: FalseEngine) -> None:
    false_engine.events = [{"status": "Pulling fs layer", "id": "aaaaaaaaaaaa"}]
    false_engine.breaks_off = True
    with Engine() as engine, pytest.raises(EngineFailure):
        engine.pull(BY_DIGEST)


# --- the real engine ---------------------------------------------------------------------------------------------


@pytest.fixture
def pushed(client: Client, local: docker.DockerClient) -> Reference:
    """An image on the service that this machine does not hold any more."""
    marker = secrets.token_hex(4)
    image_id = import_image(local, f"polly-test:{marker}", marker, padding=os.urandom(6_000_000))
    client.create(f"elucidata/{marker}", description="")
    target = Reference(client.registry, f"elucidata/{marker}", "latest")
    with Engine() as engine:
        digest = engine.push(f"polly-test:{marker}", target, client.registry_token("pull,push", 600))
    local.images.remove(image_id, force=True)
    return target.with_tag(None).with_digest(digest)


@pytest.mark.engine
def test_what_is_pushed_is_a_commit_and_is_pulled_by_its_digest(client: Client, local: docker.DockerClient) -> None:
    image_id = import_image(local, "polly-test:roundtrip", "roundtrip", padding=os.urandom(6_000_000))
    client.create("elucidata/roundtrip", description="")
    target = Reference(client.registry, "elucidata/roundtrip", "v1")
    config = Path(os.environ["DOCKER_CONFIG"], "config.json")
    written = config.read_bytes()
    bars: dict[str, list[Bar]] = {}

    def update(*bar: Any) -> None:
        bars.setdefault(bar[0], []).append(bar)

    with Engine() as engine:
        digest = engine.push("polly-test:roundtrip", target, client.registry_token("pull,push", 600), update)
        (commit,) = client.commits(target.path)
        assert (commit.tag, commit.commit_hash, commit.pushed_by) == ("v1", digest, "anna@elucidata.io")
        ((layer, events),) = bars.items()
        assert len(layer) == 12
        assert any(0 < done < (total or 0) for _, done, total, note in events if note == "Pushing")
        assert events[-1][1] == events[-1][2]
        assert events[-1][1] > 6_000_000
        assert events[-1][3] == "Pushed"

        local.images.remove(image_id, force=True)
        wanted = target.with_tag(None).with_digest(digest)
        assert engine.find(wanted) is None
        bars.clear()
        pulled = engine.pull(wanted, client.registry_token("pull", 600), update)
        assert (pulled.digest, pulled.image_id) == (digest, image_id)
        assert pulled.size > 6_000_000
        assert engine.find(wanted) == pulled
        ((layer, events),) = bars.items()
        assert {"Downloading", "Extracting", "Pull complete"} <= {note for *_, note in events}
        assert events[-1][1] == events[-1][2]
        assert events[-1][1] > 6_000_000
        assert f"{wanted}" in local.images.get(image_id).attrs["RepoDigests"]
    assert config.read_bytes() == written


@pytest.mark.engine
def test_a_refused_password_is_not_shown(pushed: Reference) -> None:
    with Engine() as engine, pytest.raises(EngineFailure) as caught:
        engine.pull(pushed, Password(Secret("pk_opensesame0123456789")))
    assert "login" in caught.value.remedy
    shown = "".join(traceback_of(caught.value))
    assert "opensesame" not in shown


def traceback_of(error: BaseException | None) -> Iterator[str]:
    while error:
        yield repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.engine
def test_a_digest_that_is_not_there_is_named(client: Client, pushed: Reference) -> None:
    wanted = pushed.with_digest(DIGEST)
    with Engine() as engine, pytest.raises(EngineFailure, match=f"{DIGEST} is not on the service"):
        engine.pull(wanted, client.registry_token("pull", 600))


@pytest.mark.engine
def test_a_push_to_a_repository_that_was_not_created_gives_the_command(
    client: Client, local: docker.DockerClient
) -> None:
    import_image(local, "polly-test:missing", "missing")
    target = Reference(client.registry, "elucidata/never-created", "latest")
    with Engine() as engine, pytest.raises(EngineFailure) as caught:
        engine.push("polly-test:missing", target, client.registry_token("pull,push", 600))
    assert "create --name elucidata/never-created" in str(caught.value)


@pytest.mark.engine
def test_a_service_that_is_down_is_named(local: docker.DockerClient) -> None:
    import_image(local, "polly-test:down", "down")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        target = Reference(f"127.0.0.1:{taken.getsockname()[1]}", "elucidata/16june", "latest")
        with Engine() as engine:
            with pytest.raises(EngineFailure, match=f"does not reach the service at {target.host}"):
                engine.push("polly-test:down", target, Password(Secret("x")))
            with pytest.raises(EngineFailure, match=f"does not reach the service at {target.host}"):
                engine.pull(target, Password(Secret("x")))


@pytest.mark.engine
@pytest.mark.parametrize("name", ["polly-test:no-such-image", "Not A Name", ""])
def test_a_local_image_that_is_none_is_named(name: str) -> None:
    with Engine() as engine, pytest.raises(NotFound, match="docker images"):
        engine.push(name, JUNE)


@pytest.mark.engine
def test_a_command_runs_in_the_mounted_directory_and_its_exit_code_comes_back(
    client: Client, pushed: Reference, local: docker.DockerClient, tmp_path: Path
) -> None:
    here = tmp_path / "with: a colon"
    here.mkdir()
    (here / "given").write_text("from outside")
    asked: list[bool] = []

    def credentials() -> Any:
        asked.append(True)
        return client.registry_token("pull", 600)

    with Engine() as engine:

        def run(*command: str, **more: Any) -> tuple[int, str]:
            written: list[str] = []
            code = engine.run(pushed, command, write=written.append, credentials=credentials, **more)
            return code, "".join(written)

        script = "cat /marker /work/given; pwd; echo made > made; exit 7"
        assert run("sh", "-c", script, mounts={str(here): "/work"}, workdir="/work") == (
            7,
            f"{pushed.name}from outside/work\n",
        )
        assert (here / "made").read_text() == "made\n"
        assert asked == [True], "pulled once, because the engine did not hold it"
        assert run("sh", "-c", "echo out; echo err >&2") in [(0, "out\nerr\n"), (0, "err\nout\n")]
        assert run() == (0, ""), "the image's own command"
        told = f"{pushed.repository}@{pushed.digest}\n"
        assert run("sh", "-c", 'echo "$POLLY_IMAGE"') == (0, told), "it knows which image it is"
        assert run("sh", "-c", 'printf "%s|" "$@"', "sh", "a b", "$HOME", "é\n") == (0, "a b|$HOME|é\n|")
    assert asked == [True]
    assert _containers(local, pushed) == []


def _containers(local: docker.DockerClient, image: Reference) -> list[str]:
    found = local.containers.list(all=True, filters={"label": f"{LABEL}={image}"})
    return [str(container.name) for container in found]


@pytest.mark.engine
def test_output_comes_as_it_is_written_and_characters_stay_whole(client: Client, pushed: Reference) -> None:
    written: list[tuple[float, str]] = []
    script = "printf 'first \\303'; sleep 0.7; printf '\\251 and \\377'; printf '\\342\\202' >&2"
    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        engine.run(pushed, ["sh", "-c", script], write=lambda text: written.append((time.monotonic(), text)))
    assert written[0][1] == "first "
    assert "".join(text for _, text in written) == "first é and ��"
    assert written[1][0] - written[0][0] > 0.5


@pytest.mark.engine
@pytest.mark.parametrize(
    ("command", "status", "problem"),
    [
        (["no-such-program"], 127, "'no-such-program' is not in "),
        (["/no/such/program"], 127, "'/no/such/program' is not in "),
        (["/marker"], 126, "'/marker' cannot be executed in "),
    ],
)
def test_a_program_that_cannot_be_started_is_named(
    client: Client, pushed: Reference, local: docker.DockerClient, command: list[str], status: int, problem: str
) -> None:
    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        with pytest.raises(EngineFailure) as caught:
            engine.run(pushed, command, write=print)
    assert problem in caught.value.problem
    assert caught.value.exit_status == status
    assert _containers(local, pushed) == []


# An interruption while the SDK opens a connection leaves the socket to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.engine
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.2, 1.0])
def test_an_interruption_leaves_no_container_whenever_it_comes(
    client: Client, pushed: Reference, local: docker.DockerClient, delay: float
) -> None:
    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the timer may fire before the run
            timer.start()
            engine.run(pushed, ["sleep", "60"], write=print)
        assert time.monotonic() - started < delay + 4.5
    timer.join()
    assert _containers(local, pushed) == []


@pytest.mark.engine
def test_an_interrupted_program_may_still_tidy_up(client: Client, pushed: Reference, tmp_path: Path) -> None:
    script = "trap 'echo tidy > /work/tidy; exit' TERM; echo started; while :; do sleep 0.1; done"

    def write(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        with pytest.raises(KeyboardInterrupt):
            engine.run(pushed, ["sh", "-c", script], write=write, mounts={str(tmp_path): "/work"})
    assert (tmp_path / "tidy").read_text() == "tidy\n"


@pytest.mark.engine
def test_a_container_that_ends_at_once_gives_its_exit_code(client: Client, pushed: Reference) -> None:
    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        codes = [engine.run(pushed, ["sh", "-c", f"printf {n}; exit {n}"], write=print) for n in range(8)]
    assert codes == [*range(8)]


@pytest.mark.engine
def test_a_container_is_removed_when_its_reader_leaves(
    client: Client, pushed: Reference, local: docker.DockerClient
) -> None:
    def write(_: str) -> None:
        raise BrokenPipeError

    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        with pytest.raises(BrokenPipeError):
            engine.run(pushed, ["sh", "-c", "echo line; sleep 60"], write=write)
    assert _containers(local, pushed) == []


@pytest.mark.engine
def test_a_running_container_has_our_label_and_name(
    client: Client, pushed: Reference, local: docker.DockerClient
) -> None:
    seen: list[str] = []

    def write(_: str) -> None:
        seen.extend(_containers(local, pushed))

    with Engine() as engine:
        engine.pull(pushed, client.registry_token("pull", 600))
        assert engine.run(pushed, ["sh", "-c", "echo here; sleep 0.3"], write=write) == 0
    assert len(seen) == 1
    assert seen[0].startswith("polly-")
