"""``polly-dockers`` as people and programs start it."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from polly_magic.service.local import issue_local_key

if TYPE_CHECKING:
    from tests.anna import Anna

PROGRAM = "polly-dockers"


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("--help",), 0, "usage: polly-dockers"),
        ((), 0, "usage: polly-dockers"),
        (("--version",), 0, "polly-magic 0."),
        (("list", "--help"), 0, "polly-dockers list --all"),
        (("list", "--latest", "1"), 0, "docker repository"),
        (("commit-list", "--name", "nowhere"), 1, "There is no repository 'elucidata/nowhere'"),
        (("lsit",), 2, "did you mean list?"),
        (("update", "--name", "x"), 2, "Nothing to change about 'x'."),
        (("commit-list", "--name", "a b"), 2, "' ' stands where"),
        (("completion", "--help"), 0, 'eval "$(polly-dockers completion bash)"'),
        (("completion",), 2, "completion takes one of bash, zsh, fish"),
        (("completion", "tcsh"), 2, "completion takes one of bash, zsh, fish"),
    ],
)
def test_exit_status_and_stream_tell_success_error_and_usage(
    anna: Anna, words: tuple[str, ...], status: int, text: str
) -> None:
    anna.create()
    done = anna.program(PROGRAM, *words)
    assert done.returncode == status
    assert text in (done.stderr if status else done.stdout)
    assert (done.stdout if status else done.stderr) == ""


def test_error_is_two_lines_that_name_this_program(anna: Anna, tmp_path: Path) -> None:
    done = anna.program(PROGRAM, "list", POLLY_MAGIC_HOME=str(tmp_path))
    assert done.stderr == "Not logged in to docker.polly.elucidata.io.\nRun polly-dockers login\n"


def test_debug_shows_where_it_came_from(anna: Anna, tmp_path: Path) -> None:
    for words in (("--debug", "list"), ("list", "--debug")):
        done = anna.program(PROGRAM, *words, POLLY_MAGIC_HOME=str(tmp_path))
        assert done.returncode == 1
        assert done.stderr.startswith("Traceback (most recent call last):")
        assert "Not logged in to docker.polly.elucidata.io." in done.stderr


def test_json_and_csv_are_for_programs(anna: Anna) -> None:
    name = anna.create(description='a "b",\nc [red]µ')
    digest = anna.push(name, "latest", "x")
    (repository,) = json.loads(anna.program(PROGRAM, "list", "--name", name, "--json").stdout)
    assert [*repository] == ["repository", "description", "created_by", "created_at", "access"]
    assert repository["description"] == 'a "b",\nc [red]µ'
    (commit,) = json.loads(anna.program(PROGRAM, "commit-list", "--name", name, "--json").stdout)
    assert [*commit] == [
        "tag", "pushed_by", "pushed_at", "commit_hash", "tag_status", "size", "platforms", "pull_path"
    ]  # fmt: skip
    assert (commit["commit_hash"], commit["platforms"], type(commit["size"])) == (digest, ["linux/amd64"], int)
    (row,) = csv.DictReader(io.StringIO(anna.program(PROGRAM, "list", "--name", name, "--csv").stdout))
    assert row == repository
    (row,) = csv.DictReader(io.StringIO(anna.program(PROGRAM, "commit-list", "--name", name, "--csv").stdout))
    assert row == {key: str(value) for key, value in commit.items()} | {"platforms": "linux/amd64"}


def test_empty_listing_is_an_empty_list_and_a_line_of_names(anna: Anna) -> None:
    assert anna.program(PROGRAM, "list", "--name", "no-such-*", "--json").stdout == "[]\n"
    done = anna.program(PROGRAM, "list", "--name", "no-such-*", "--csv")
    assert done.stdout.strip() == "repository,description,created_by,created_at,access"


def test_pipe_gets_whole_values_however_narrow_the_terminal(anna: Anna) -> None:
    name = anna.create("a-name-that-is-long-" + 60 * "x")
    done = anna.program(PROGRAM, "list", "--name", name, COLUMNS="40")
    assert f"│ {anna.registry}/elucidata/{name} │ anna@elucidata.io │" in done.stdout
    assert "\x1b" not in done.stdout


def test_terminal_gets_a_table_of_its_width_in_colour(anna: Anna) -> None:
    name = anna.create()
    digest = anna.push(name, "latest", "x")
    terminal = pexpect.spawn(
        PROGRAM,
        ["commit-list", "--name", name],
        env={key: value for key, value in anna.variables.items() if key != "COLUMNS"} | {"TERM": "xterm-256color"},
        dimensions=(40, 70),
        encoding="utf-8",
        timeout=30,
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    text = terminal.before
    assert text is not None
    assert "\x1b[32m" in text
    plain = [line for line in re.sub(r"\x1b\[\d+m", "", text).splitlines() if line.startswith("│")]
    assert {len(line) for line in plain} == {70}
    assert digest in "".join(line.split("│")[4].strip() for line in plain)


def test_output_that_the_locale_cannot_show_is_no_error(anna: Anna) -> None:
    name = anna.create(description="µ 日本語")
    for words in (("list", "--name", name), ("list", "--name", name, "--csv")):
        done = anna.program(PROGRAM, *words, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert done.returncode == 0
        assert name in done.stdout


def test_reader_that_leaves_early_is_no_error(anna: Anna) -> None:
    process = subprocess.Popen(
        [PROGRAM, "list", "--all", "--json"], env=anna.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_login_asks_without_echo_and_keeps_the_key_from_every_screen(anna: Anna, tmp_path: Path) -> None:
    key = issue_local_key(Path(anna.variables["POLLY_MAGIC_HOME"], "service")).reveal()
    variables = anna.variables | {"POLLY_MAGIC_HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    terminal = pexpect.spawn(
        PROGRAM,
        ["login", "--service", f"http://{anna.registry}"],
        env=variables,
        dimensions=(40, 200),
        encoding="utf-8",
        timeout=30,
    )
    terminal.expect_exact(f"API key for {anna.registry}: ")
    terminal.waitnoecho(10)
    terminal.sendline(key)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert terminal.before is not None
    assert key not in terminal.before
    assert f"Logged in to {anna.registry} as anna@elucidata.io (admin of elucidata)." in terminal.before
    done = anna.program(PROGRAM, "list", "--name", "no-such", POLLY_MAGIC_HOME=str(tmp_path))
    assert done.returncode == 0


def test_interrupted_prompt_ends_with_130_and_no_traceback(anna: Anna, tmp_path: Path) -> None:
    terminal = pexpect.spawn(
        PROGRAM,
        ["login", "--service", f"http://{anna.registry}"],
        env=anna.variables | {"POLLY_MAGIC_HOME": str(tmp_path)},
        encoding="utf-8",
        timeout=30,
    )
    terminal.expect_exact("API key for")
    terminal.waitnoecho(10)
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert terminal.before is not None
    assert "Traceback" not in terminal.before


def test_login_with_nobody_to_ask_says_how_else(anna: Anna, tmp_path: Path) -> None:
    done = anna.program(PROGRAM, "login", POLLY_MAGIC_HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == (
        "No key was given, and nobody can be asked for it.\nSet POLLY_API_KEY, or pipe the key in.\n"
    )


def test_interrupted_request_ends_with_130_and_no_traceback(anna: Anna, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and never answers
        process = subprocess.Popen(
            [PROGRAM, "list"],
            env=anna.variables
            | {
                "POLLY_MAGIC_HOME": str(tmp_path),
                "POLLY_SERVICE": f"http://127.0.0.1:{silent.getsockname()[1]}",
                "POLLY_API_KEY": "pk_" + 30 * "x",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        silent.settimeout(20)
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, b"", b"")


BARS = """
import time
from polly_magic.progress import terminal_bars
with terminal_bars("Pulled it") as bars:
    for step in range({steps}):
        bars.update("layer [red]1", step, {steps}, note="pulling")
        time.sleep(0.1)
print("done")
"""


@pytest.mark.parametrize(("steps", "drawn"), [(5, False), (16, True)])
def test_bars_come_after_a_second_and_are_wiped_off(anna: Anna, steps: int, drawn: bool) -> None:
    program = ["-c", BARS.format(steps=steps)]
    terminal = pexpect.spawn(
        sys.executable, program, env=anna.variables | {"TERM": "xterm"}, encoding="utf-8", timeout=30
    )
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.before is not None
    assert ("layer [red]1" in terminal.before) is drawn
    assert ("\x1b[2K" in terminal.before) is drawn  # erases the line
    assert terminal.before.rstrip().endswith("done")
    piped = anna.program(sys.executable, *program)
    assert (piped.stdout, piped.stderr) == ("done\n", "")
