"""The tab key: in a real kernel, and in a real bash."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pexpect
import pytest

from polly_magic import completion
from polly_magic.commands import COMMANDS
from polly_magic.completion import candidates
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import install_spec
from tests.kernel import Kernel, kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.anna import Anna


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completion, "_cache", {})


def words(line: str, *, terminal: bool = False) -> list[str]:
    *before, prefix = line.split(" ")
    return candidates([word for word in before if word], prefix, terminal=terminal)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", [*COMMANDS]),
        ("comm", ["commit-list"]),
        ("--d", ["--debug"]),
        ("--debug li", ["list"]),
        ("list --l", ["--latest"]),
        ("list ", ["--help", "--all", "--latest", "--oldest", "--name"]),
        ("list --all --", ["--help", "--latest", "--oldest", "--name", "--debug"]),
        ("list --latest ", []),
        ("commit-list --status ", ["active", "inactive"]),
        ("commit-list --status=in", ["--status=inactive"]),
        ("nonsense ", []),
        ("run 16june -- py", []),
        ("create --name ", []),
        ("logout ", ["--help"]),
    ],
)
def test_commands_flags_and_choices_come_from_the_command_table(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_kernels_to_remove_are_those_that_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    for name in ("june", "july"):
        install_spec(name, KernelSettings("localhost:5000/elucidata/16june@sha256:" + 64 * "5"), name)
    assert words("kernel ") == ["install", "list", "remove"]
    assert words("kernel remove ju") == ["july", "june"]
    assert words("kernel remove july ") == ["july", "june"]
    assert words("reproduce a.ipynb --kernel jun") == ["june"]


def test_terminal_has_its_own_on_top() -> None:
    assert words("", terminal=True) == [*COMMANDS, "completion"]
    assert words("completion ", terminal=True) == ["bash", "zsh", "fish"]
    assert words("list --", terminal=True)[-3:] == ["--debug", "--json", "--csv"]


def test_names_tags_and_digests_come_from_the_service(anna: Anna) -> None:
    name = anna.create("tab-")
    first = anna.push(name, "latest", "1")
    second = anna.push(name, "latest", "2")
    anna.push(name, "v1", "2")
    full = f"{anna.registry}/elucidata/{name}"
    assert words("commit-list --name tab-") == [name]
    assert words(f"commit-list --name elucidata/{name}") == [f"elucidata/{name}"]
    assert words(f"pull {anna.registry}/elucidata/tab-") == [full]
    assert words(f"commit-list --name={name}") == [f"--name={name}"]
    assert words(f"pin {name}") == words(f"pin analysis.ipynb {name}") == [name]
    assert sorted(words(f"pull {name}:")) == [f"{name}:latest", f"{name}:v1"]
    assert words(f"pull {full}:l") == [f"{full}:latest"]
    assert words(f"run {name}@") == [f"{name}@{second}", f"{name}@{first}"]
    assert words(f"run {name}:latest@{first[:10]}") == [f"{name}:latest@{first}"]
    assert words(f"run {name}@{first[7:12]}") == [f"{name}@{first[7:]}"]
    assert words(f"commit-list --name {name} --tag v") == ["v1"]
    assert words("commit-list --status active --tag v") == []
    assert words("history tab-") == [name]
    assert words(f"history {name} --tag v") == ["v1"]
    assert words(f"history {name} --tag=v") == ["--tag=v1"]
    assert words("pull no-such-thing:") == []


def test_answers_are_kept_for_a_moment(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    name = anna.create("kept-")
    assert words("pull kept-") == [name]
    later = anna.create("kept-")
    assert words("pull kept-") == [name]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert words("pull kept-") == [later, name]


def test_nobody_logged_in_means_no_names_and_no_error() -> None:
    for line in ("pull ", "commit-list --name x", "pull x:", "pull x@", "commit-list --name x --tag "):
        assert words(line) == []


def test_service_that_hangs_costs_seconds_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("POLLY_SERVICE", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("POLLY_API_KEY", "pk_" + 30 * "x")
        start = time.monotonic()
        assert words("pull ") == []
        assert time.monotonic() - start < 6
        start = time.monotonic()
        assert words("pull x") == []
        assert time.monotonic() - start < 0.5


@pytest.fixture
def notebook(anna: Anna) -> Iterator[Kernel]:
    with kernel(anna.variables) as (running, _):
        running.run("%load_ext polly_magic")
        yield running


def test_kernel_completes_whole_words_past_colon_and_at(notebook: Kernel, anna: Anna) -> None:
    name = anna.create("kernel-")
    digest = anna.push(name, "latest", "1")
    assert notebook.complete("%polly_dockers comm") == ["%polly_dockers commit-list"]
    for start in ("%polly_dockers", "df = %polly_dockers", "frames['x'] =%polly_dockers", "a, b = %polly_dockers"):
        assert notebook.complete(f"{start} commit-list --name kernel-") == [f"{start} commit-list --name {name}"]
    assert notebook.complete(f"%polly_dockers pull {name}:") == [f"%polly_dockers pull {name}:latest"]
    assert notebook.complete(f"%polly_dockers pull {name}@sha256:") == [f"%polly_dockers pull {name}@{digest}"]
    full = f"{anna.registry}/elucidata/{name}"
    assert notebook.complete(f"%polly_dockers pull {full}:la") == [f"%polly_dockers pull {full}:latest"]
    assert notebook.complete(f"x = 1\ndf = %polly_dockers commit-list --name {name} --status a") == [
        f"x = 1\ndf = %polly_dockers commit-list --name {name} --status active"
    ]


def test_kernel_completes_everything_else_as_before(notebook: Kernel) -> None:
    assert notebook.complete("%polly_do") == ["%polly_dockers"]
    notebook.run("polly_number = 1")
    assert "polly_number" in notebook.complete("polly_num")
    assert notebook.complete("'%polly_dockers li") == []
    notebook.run("%unload_ext polly_magic")
    assert "%polly_dockers commit-list" not in notebook.complete("%polly_dockers comm")


@pytest.fixture
def bash(anna: Anna, tmp_path: Path) -> Iterator[pexpect.spawn[str]]:
    variables = anna.variables | {"PS1": "$ ", "INPUTRC": "/dev/null", "HOME": str(tmp_path), "TERM": "dumb"}
    shell = pexpect.spawn(
        "bash", ["--norc", "--noprofile", "-i"], env=variables, encoding="utf-8", timeout=30, dimensions=(40, 300)
    )
    shell.sendline("PS1='> '; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; echo rea''dy")
    shell.expect("ready\r\n")
    shell.sendline('eval "$(polly-dockers completion bash)"; echo loa""ded')
    shell.expect("loaded\r\n")
    yield shell
    shell.close(force=True)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("comm", "commit-list "),
        ("list --lat", "list --latest "),
        ("commit-list --name {name} --status ina", "commit-list --name {name} --status inactive "),
        ("pull {start}", "pull {name} "),
        ("pull {name}:la", "pull {name}:latest "),
        ("pull {name}@sha256:{short}", "pull {name}@{digest} "),
        ("pull {registry}/elucidata/{name}:la", "pull {registry}/elucidata/{name}:latest "),
    ],
)
def test_bash_completes_at_the_press_of_tab(bash: pexpect.spawn[str], anna: Anna, typed: str, completed: str) -> None:
    name = anna.create("bash-")
    digest = anna.push(name, "latest", "1")
    values = {"name": name, "start": name, "digest": digest, "short": digest[7:12], "registry": anna.registry}
    bash.send(f"polly-dockers {typed.format(**values)}\t")
    bash.expect_exact(f"polly-dockers {completed.format(**values)}", timeout=20)
    bash.sendcontrol("c")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_what_the_shell_reads(anna: Anna, shell: str, tmp_path: Path) -> None:
    done = anna.program("polly-dockers", "completion", shell)
    assert done.returncode == 0
    assert "polly-dockers" in done.stdout
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.stdout)
        subprocess.run([shell, "-n", script], check=True, timeout=30)
