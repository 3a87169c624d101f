"""Generated cells are executed in IPython, with a `docker` that writes down what it was given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel

from polly_magic.cells import pull_cell, run_cell
from polly_magic.errors import ServiceFailure, UsageError
from polly_magic.models import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DIGEST = "sha256:5747316366b8cc9e3021cd7286f42b2d6d81e3d743e2ab571f55bcd5df788cc8"
JUNE = Commit(
    repository="docker.polly.elucidata.io/elucidata/16june",
    tag="latest",
    commit_hash=DIGEST,
    tag_status="inactive",
    pushed_by="a@b.c",
    pushed_at=datetime(2020, 6, 17, 18, 12, 58, tzinfo=timezone.utc),
    size=1,
    media_type="application/vnd.docker.distribution.manifest.v2+json",
    platforms=("linux/amd64",),
)
IMAGE = f"{JUNE.repository}@{DIGEST}"

FAKE_DOCKER = """#!{python} -SE
import os, sys
import json
with open({record!r}, "a") as record:
    record.write(json.dumps([os.fsencode(word).decode() for word in sys.argv[1:]]) + chr(10))
"""

HOSTILE = [
    "plain",
    "",
    "two words",
    "it's",
    'say "hi"',
    "'\"'\"'",
    "two\nlines",
    "ends with a line feed\n",
    "\n",
    "\r\n",
    "tab\tand\vvertical",
    "\x1b[31m",
    "\x85 and \u2028 and \u2029",
    "{variable}",
    "{{variable}}",
    "$variable",
    "${variable}",
    "$$variable",
    "'$variable'",
    "{",
    "}",
    "$",
    "$HOME",
    "$(touch broken)",
    "`touch broken`",
    "{__import__('os').mkdir('broken')}",
    "{print $1}",
    '{"a": [1, {"b": null}]}',
    "%",
    "%magic",
    "!",
    "!!",
    "!ls",
    "\\",
    "\\\\n",
    "back\\slash\\",
    "ends with a question?",
    "?",
    "-rf",
    "--",
    "--rm",
    "~",
    "*",
    "a;b&c|d>e<f",
    "# no comment",
    "(((",
    '"""',
    "'''",
    "007",
    "1_",
    "0b2",
    "café 日本 🧬",
    "a=b",
    "variable",
]


class Shell:
    """IPython in which `variable` has a value, and `docker` writes down its arguments."""

    def __init__(self, execute: Callable[[str], None], record: Path, directory: Path) -> None:
        self._execute = execute
        self._record = record
        self.directory = directory

    def given(self, cell: str) -> list[str]:
        """Run a cell and return the arguments of the one `docker` that it started."""
        self._record.write_text("")
        self._execute(cell)
        calls = [json.loads(line) for line in self._record.read_text().splitlines()]
        assert len(calls) == 1, (cell, calls)
        assert not (self.directory / "broken").exists(), cell
        return calls[0]


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    record = tmp_path / "record"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(FAKE_DOCKER.format(python=sys.executable, record=str(record)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return record


@pytest.fixture
def kernel(fake_docker: Path, tmp_path: Path) -> Iterator[Shell]:
    """A real kernel."""
    directory = tmp_path / "it's a notebook"
    directory.mkdir()
    manager, client = start_new_kernel(startup_timeout=60, cwd=str(directory))

    def execute(cell: str) -> None:
        reply: dict[str, Any] = client.execute_interactive(cell, timeout=30, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", (cell, reply["content"])

    try:
        execute("variable = HOME = 'from Python'; print_ = 1")
        yield Shell(execute, fake_docker, directory)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_words(shell: Shell, *command: str) -> list[str]:
    told = ["-e", f"POLLY_IMAGE={IMAGE}"]
    return ["run", "--rm", "-v", f"{shell.directory}:/work", "-w", "/work", *told, IMAGE, *command]


def test_cells_name_the_digest_and_keep_the_tag_as_a_comment() -> None:
    comment = "# 16june:latest, pushed June 17, 2020, 06:12:58 PM UTC by a@b.c\n"
    assert pull_cell(JUNE) == f"{comment}!docker pull {IMAGE}"
    active = replace(JUNE, tag_status="active")
    assert pull_cell(active) == pull_cell(JUNE)
    assert run_cell(JUNE, ["python", "fit.py", "--seed", "1", "a b"]) == (
        f"""{comment}!docker run --rm -v "$PWD":/work -w /work -e POLLY_IMAGE={IMAGE} """
        f"""{IMAGE} python fit.py --seed 1 'a b'"""
    )
    assert run_cell(JUNE, []) == f'{comment}!docker run --rm -v "$PWD":/work -w /work -e POLLY_IMAGE={IMAGE} {IMAGE}'


@pytest.mark.parametrize(
    ("hour", "written"), [(0, "12:12:58 AM"), (11, "11:12:58 AM"), (12, "12:12:58 PM"), (23, "11:12:58 PM")]
)
def test_times_are_written_as_polly_writes_them_in_utc(hour: int, written: str) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    commit = replace(JUNE, pushed_at=JUNE.pushed_at.replace(hour=hour).astimezone(east))
    assert f"pushed June 17, 2020, {written} UTC by" in pull_cell(commit)


def test_cells_arrive_as_given_through_a_real_kernel(kernel: Shell) -> None:
    assert kernel.given(pull_cell(JUNE)) == ["pull", IMAGE]
    assert kernel.given(run_cell(JUNE, [])) == run_words(kernel)
    for argument in HOSTILE:
        assert kernel.given(run_cell(JUNE, ["program", argument])) == run_words(kernel, "program", argument)
    assert kernel.given(run_cell(JUNE, HOSTILE)) == run_words(kernel, *HOSTILE)


@pytest.mark.parametrize("argument", HOSTILE)
def test_a_terminal_reads_the_cell_as_ipython_does(fake_docker: Path, tmp_path: Path, argument: str) -> None:
    # What a reader copies from the cell into a terminal is the same command.
    lines = run_cell(JUNE, ["program", argument]).removeprefix("%%sh --no-raise-error\n").split("\n")
    lines[1] = lines[1].removeprefix("!")
    subprocess.run(["sh", "-c", "\n".join(lines)], check=True, cwd=tmp_path)
    (call,) = fake_docker.read_text().splitlines()
    assert json.loads(call)[-2:] == ["program", argument]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12), max_size=4))
def test_any_arguments_arrive_as_given(fake_docker: Path, tmp_path: Path, command: list[str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.user_ns.update(a=1, b={}, variable="from Python")

    def execute(cell: str) -> None:
        shell.run_cell(cell, store_history=False).raise_error()

    assert Shell(execute, fake_docker, tmp_path).given(run_cell(JUNE, command))[9:] == command


def test_a_container_that_fails_is_no_error_of_the_cell(kernel: Shell) -> None:
    docker = shutil.which("docker")
    assert docker is not None
    with Path(docker).open("a") as program:
        program.write("sys.exit(3)\n")
    for command in (["plain"], ["{braces}"]):
        assert kernel.given(run_cell(JUNE, command))[-1:] == command


@pytest.mark.parametrize(
    "hostile", ["\n!touch broken", "\r!touch broken", "\u2028!touch broken", "\x85!x", "\\\n!x", "\0"]
)
def test_nothing_from_the_service_leaves_the_comment(hostile: str) -> None:
    for commit in (replace(JUNE, pushed_by=f"a@b.c{hostile}"), replace(JUNE, tag=f"latest{hostile}")):
        for cell, lines in ((pull_cell(commit), 2), (run_cell(commit, ["x"]), 2), (run_cell(commit, ["$x"]), 3)):
            assert len(cell.splitlines()) == lines
            assert sum(line.startswith("#") for line in cell.splitlines()) == 1


@pytest.mark.parametrize(
    "commit",
    [
        replace(JUNE, commit_hash="sha256:5747316"),
        replace(JUNE, commit_hash=f"{DIGEST}; touch broken"),
        replace(JUNE, repository="docker.polly.elucidata.io/elucidata/16June"),
        replace(JUNE, repository=f" {JUNE.repository}"),
    ],
)
def test_no_cell_is_made_of_a_path_or_digest_that_is_none(commit: Commit) -> None:
    with pytest.raises(ServiceFailure, match="The service gave"):
        run_cell(commit, [])


@pytest.mark.parametrize("path", ["x; touch broken", "$(touch broken)/x", "a//b", ""])
def test_a_path_that_is_no_reference_is_the_services_failure(path: str) -> None:
    with pytest.raises(ServiceFailure, match="The service gave"):
        pull_cell(replace(JUNE, repository=path))


@pytest.mark.parametrize("argument", ["zero\0byte", "half a pair \ud800"])
def test_an_argument_that_no_program_can_be_given_is_refused(argument: str) -> None:
    with pytest.raises(UsageError):
        run_cell(JUNE, ["program", argument])
