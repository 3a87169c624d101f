"""`pull`, `push` and `run` in both faces, against the real service and the real engine."""

from __future__ import annotations

import queue
import secrets
import shlex
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import start_new_kernel

from polly_magic.commands import COMMANDS, parse
from polly_magic.commands.result import Commits, Rows
from polly_magic.engine.containers import LABEL
from polly_magic.errors import EngineUnavailable, NotFound, UsageError
from tests.images import import_image
from tests.local_service import ANNA

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import docker

    from polly_magic.api import Client
    from polly_magic.models import Commit
    from polly_magic.redaction import Secret
    from polly_magic.references import Reference
    from tests.anna import Anna

pytestmark = pytest.mark.engine


@dataclass
class Face:
    """Keeps what a command asks of its caller."""

    acts_at_once: bool = False
    notes: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    written: str = ""
    bars: dict[str, tuple[int, int | None, str]] = field(default_factory=dict)

    def ask_secret(self, prompt: str) -> Secret:
        raise AssertionError(prompt)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def write(self, text: str) -> None:
        self.written += text

    @contextmanager
    def progress(self, title: str) -> Generator[Face]:
        yield self

    def update(self, name: str, completed: int, total: int | None = None, note: str = "") -> None:
        self.bars[name] = (completed, total, note)

    def put_cell(self, text: str) -> None:
        self.cells.append(text)

    def do(self, line: str) -> Any:
        arguments = parse(shlex.split(line), COMMANDS, "polly-dockers")
        return COMMANDS[arguments.command].run(arguments, self)


@dataclass
class June:
    """A repository with one commit, whose image is also on this machine under `local_name`."""

    name: str
    local_name: str
    commit: Commit
    image_id: str


@pytest.fixture
def june(client: Client, local: docker.DockerClient) -> June:
    name = f"june-{secrets.token_hex(4)}"
    image_id = import_image(local, f"polly-test:{name}", name)
    client.create(f"elucidata/{name}", description="")
    face = Face()
    result = face.do(f"push polly-test:{name} {name}")
    assert isinstance(result, Commits)
    (commit,) = result.models
    return June(name, f"polly-test:{name}", commit, image_id)


def test_a_push_is_the_active_commit(june: June, client: Client) -> None:
    assert june.commit == client.commits(f"elucidata/{june.name}")[0]
    assert (june.commit.tag, june.commit.tag_status, june.commit.pushed_by) == ("latest", "active", ANNA)
    assert june.commit.repository == f"{client.registry}/elucidata/{june.name}"


def test_a_second_push_of_the_same_says_so(june: June, client: Client) -> None:
    face = Face()
    result = face.do(f"push {june.local_name} {june.name}:latest")
    assert list(result.frame()["commit_hash"]) == [june.commit.commit_hash]
    assert face.notes == [f"{june.commit.repository}:latest had this digest already: no new commit."]
    assert {note for _, _, note in face.bars.values()} == {"Layer already exists"}
    assert len(client.commits(f"elucidata/{june.name}")) == 1


def test_pushing_a_tag_again_closes_the_commit_before(june: June, client: Client, local: docker.DockerClient) -> None:
    import_image(local, "polly-test:second", "second")
    face = Face()
    (second,) = face.do(f"push polly-test:second elucidata/{june.name.upper()}").models
    assert face.notes == [f"Upper case is folded: elucidata/{june.name.upper()} -> elucidata/{june.name}"]
    assert [(c.commit_hash, c.tag_status) for c in client.commits(f"elucidata/{june.name}")] == [
        (second.commit_hash, "active"),
        (june.commit.commit_hash, "inactive"),
    ]


def test_a_push_needs_a_repository_before_an_image(client: Client) -> None:
    face = Face()
    with pytest.raises(NotFound) as caught:
        face.do("push no-such-image nowhere:v1")
    assert "elucidata/nowhere" in caught.value.problem
    assert caught.value.remedy == (
        "Create it: %polly_dockers create --name elucidata/nowhere --description DESCRIPTION"
    )
    assert face.bars == {}


@pytest.mark.parametrize("digest", ["5747316", "sha256:" + 64 * "5"])
def test_a_push_to_a_digest_is_refused(client: Client, digest: str) -> None:
    with pytest.raises(UsageError, match="names a digest"):
        Face().do(f"push x 16june@{digest}")


def test_a_push_of_no_image_is_named(june: June) -> None:
    with pytest.raises(NotFound, match="'polly-test:no-such-image'"):
        Face().do(f"push polly-test:no-such-image {june.name}")


def test_a_notebook_gets_a_cell_for_the_digest_of_now(june: June, client: Client) -> None:
    image = f"{june.commit.repository}@{june.commit.commit_hash}"
    for reference in (june.name, f"{june.name}:latest", f"{june.name}@{june.commit.commit_hash[7:15]}"):
        face = Face()
        result = face.do(f"pull {reference}")
        assert list(result.frame()["commit_hash"]) == [june.commit.commit_hash]
        (cell,) = face.cells
        comment, line = cell.split("\n")
        assert comment.startswith(f"# {june.name}:latest, pushed ")
        assert comment.endswith(f" UTC by {ANNA}")
        assert line == f"!docker pull {image}"
    face = Face()
    face.do(f"run {june.name} -- sh -c 'echo --now; exit 1' --json")
    told = f"-e POLLY_IMAGE={image}"
    assert face.cells[0].endswith(f"""-v "$PWD":/work -w /work {told} {image} sh -c 'echo --now; exit 1' --json""")
    assert face.written == ""


@pytest.mark.parametrize(("line", "at_once"), [("pull {} --now", False), ("pull {}", True)])
def test_a_pull_at_once_gives_what_the_engine_holds(
    june: June, local: docker.DockerClient, line: str, at_once: bool
) -> None:
    local.images.remove(june.image_id, force=True)
    face = Face(acts_at_once=at_once)
    result = face.do(line.format(june.name))
    assert isinstance(result, Rows)
    (row,) = result.records()
    assert row == {
        "repository": june.commit.repository,
        "tag": "latest",
        "commit_hash": june.commit.commit_hash,
        "image_id": june.image_id,
        "size": local.images.get(june.image_id).attrs["Size"],
    }
    assert result.frame().to_dict("records") == [row]
    assert face.cells == []
    ((completed, total, note),) = face.bars.values()
    assert note == "Pull complete"
    assert completed == total
    assert total


def test_a_run_at_once_streams_its_output_and_gives_its_exit_code(
    june: June, local: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_text("of the notebook")
    local.images.remove(june.image_id, force=True)
    face = Face()
    assert face.do(f"run {june.name} --now -- sh -c 'cat /marker; pwd; cat data; exit 5'") == 5
    assert face.written == f"{june.name}/work\nof the notebook"
    assert [note for _, _, note in face.bars.values()] == ["Pull complete"]
    assert face.cells == []
    face = Face(acts_at_once=True)
    assert face.do(f"run {june.name}") == 0
    assert face.bars == {}, "it is here already"


def test_no_engine_is_said_where_one_is_needed(june: June, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    Face().do(f"pull {june.name}")  # a cell needs none
    for line in (f"pull {june.name} --now", f"run {june.name} --now", f"push x {june.name}"):
        with pytest.raises(EngineUnavailable, match="DOCKER_HOST"):
            Face().do(line)


def test_a_terminal_acts_at_once(june: June, anna: Anna, tmp_path: Path) -> None:
    def shell(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["polly-dockers", *words]
        return subprocess.run(command, env=anna.variables, cwd=tmp_path, capture_output=True, text=True)

    done = shell("run", june.name, "--", "sh", "-c", "cat /marker; echo oops >&2; exit 9")
    assert (done.returncode, done.stderr) == (9, "")
    # The engine carries both streams of a container, and which piece comes first is up to it.
    assert done.stdout in (f"{june.name}oops\n", f"oops\n{june.name}")
    done = shell("run", june.name, "--", "no-such-program")
    assert done.returncode == 127
    assert "'no-such-program' is not in" in done.stderr
    assert june.commit.commit_hash in shell("pull", june.name, "--json").stdout


class Kernel:
    """A real kernel with the extension loaded."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client
        assert self.execute("%load_ext polly_magic")["status"] == "ok"

    def execute(self, code: str) -> dict[str, Any]:
        return self.client.execute_interactive(code, timeout=60, output_hook=lambda _: None)["content"]

    def interrupt_once_it_prints(self, code: str, word: str) -> tuple[dict[str, Any], str, float]:
        """Reply, everything shown, and seconds from the interruption to the end."""
        request = self.client.execute(code)
        shown = ""
        interrupted = 0.0
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            shown += content.get("text", "") + "\n".join(content.get("traceback", ()))
            if word in content.get("text", "") and not interrupted:
                self.manager.interrupt_kernel()
                interrupted = time.monotonic()
            if content.get("execution_state") == "idle":
                break
        took = time.monotonic() - interrupted
        while True:
            try:
                reply = self.client.get_shell_msg(timeout=10)
            except queue.Empty:
                raise AssertionError("no reply") from None
            if reply["parent_header"].get("msg_id") == request:
                return reply["content"], shown, took


@pytest.fixture
def kernel(anna: Anna, tmp_path: Path) -> Iterator[Kernel]:
    manager, client = start_new_kernel(startup_timeout=60, cwd=str(tmp_path), env=anna.variables)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _containers(local: docker.DockerClient, image: Reference | str) -> list[Any]:
    return local.containers.list(all=True, filters={"label": f"{LABEL}={image}"})


def test_interrupting_the_cell_stops_and_removes_the_container(
    kernel: Kernel, june: June, local: docker.DockerClient
) -> None:
    image = f"{june.commit.repository}@{june.commit.commit_hash}"
    code = f"%polly_dockers run {june.name} --now -- sh -c 'echo started; sleep 60'"
    reply, shown, took = kernel.interrupt_once_it_prints(code, "started")
    assert reply["status"] == "error"
    assert took < 5
    assert _containers(local, image) == []
    assert "Interrupted: the container is stopped and removed." in shown
    assert "File " not in shown, "no traceback"
    assert kernel.execute(f"code = %polly_dockers run {june.name} --now -- sh -c 'exit 6'")["status"] == "ok"
    assert kernel.execute("assert code == 6, code")["status"] == "ok"


def test_the_cell_is_put_into_the_notebook_and_runs_there(
    kernel: Kernel, june: June, local: docker.DockerClient
) -> None:
    local.images.remove(june.image_id, force=True)
    reply = kernel.execute(f"%polly_dockers pull {june.name}")
    (payload,) = reply["payload"]
    assert payload["source"] == "set_next_input"
    assert kernel.execute(payload["text"])["status"] == "ok"
    assert kernel.execute("assert _exit_code == 0")["status"] == "ok"
    held = local.images.get(june.image_id).attrs["RepoDigests"]
    assert held == [f"{june.commit.repository}@{june.commit.commit_hash}"]


def test_ctrl_c_in_a_terminal_leaves_no_container(june: June, anna: Anna, local: docker.DockerClient) -> None:
    import pexpect

    image = f"{june.commit.repository}@{june.commit.commit_hash}"
    words = ["run", june.name, "--", "sh", "-c", "echo started; sleep 60"]
    terminal = pexpect.spawn("polly-dockers", words, env=anna.variables, timeout=30, encoding="utf-8")
    terminal.expect("started")
    pressed = time.monotonic()
    terminal.sendintr()
    terminal.expect("the container is stopped and removed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert time.monotonic() - pressed < 5
    assert terminal.exitstatus == 130
    assert _containers(local, image) == []


def test_a_reader_that_leaves_ends_the_container(
    june: June, anna: Anna, local: docker.DockerClient, tmp_path: Path
) -> None:
    script = shlex.join(["polly-dockers", "run", june.name, "--", "sh", "-c", "while :; do echo line; sleep 0.1; done"])
    done = subprocess.run(
        ["sh", "-c", f"({script}; echo $? > status) | sh -c 'read line; echo $line'"],
        env=anna.variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout == "line\n"
    assert (tmp_path / "status").read_text() == "141\n"
    assert _containers(local, f"{june.commit.repository}@{june.commit.commit_hash}") == []
