"""The program that a container runs: as a process of this machine, with a kernel that is none."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from polly_magic.kernels import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(inside.__file__)
SAY = "import os, signal, subprocess, sys, time\nsay = lambda *words: print(*words, flush=True)\n"
BUSY = "say('ready')\nwhile True: pass"


@contextmanager
def started(tmp_path: Path, kernel: str) -> Iterator[subprocess.Popen[str]]:
    """Run it where `kernel` is the text of ipykernel_launcher."""
    (tmp_path / "ipykernel_launcher.py").write_text(SAY + kernel)
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), "/connection.json"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            for one in (
                [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []
            ):
                one.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def test_runs_on_every_python_3_that_an_image_may_have() -> None:
    ast.parse(PROGRAM.read_text(), feature_version=(3, 6))


def test_starts_the_kernel_as_its_launcher_is_started(tmp_path: Path) -> None:
    with started(
        tmp_path, "say(__name__, sys.argv[1:], repr(sys.path[0]), sys.path[-1], repr(sys.stdin.read()))"
    ) as it:
        assert line(it) == f"__main__ ['-f', '/connection.json'] '' {PROGRAM.parent / 'polly_magic.zip'} ''"
        assert it.wait(10) == 0


def test_ends_as_the_kernel_ended(tmp_path: Path) -> None:
    with started(tmp_path, "sys.exit(3)") as it:
        assert it.wait(10) == 3
    with started(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)") as it:
        assert it.wait(10) == 128 + signal.SIGSEGV


def test_ends_the_kernel_when_nobody_holds_it_any_more_whatever_it_does(tmp_path: Path) -> None:
    busy = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.Popen(['sleep', '60'])\n" + BUSY
    with started(tmp_path, busy) as it:
        assert line(it) == "ready"
        children = psutil.Process(it.pid).children(recursive=True)
        assert len(children) == 2
        let_go(it)
        assert it.wait(10) == 128 + signal.SIGKILL
        # An adopted one may stand there for an instant until it is reaped.
        gone, alive = psutil.wait_procs(children, timeout=10)
        assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE], gone


def test_passes_a_signal_on_to_the_kernel_and_what_it_started(tmp_path: Path) -> None:
    kernel = (
        "def told(number, frame): say('told', number); sys.exit(subprocess_.wait())\n"
        "subprocess_ = subprocess.Popen(['sleep', '60'])\n"
        "signal.signal(signal.SIGINT, told)\n" + BUSY
    )
    with started(tmp_path, kernel) as it:
        assert line(it) == "ready"
        it.send_signal(signal.SIGINT)
        assert line(it) == f"told {signal.SIGINT}"
        # what it started ended by the same signal, well before its minute was over
        assert it.wait(10) == 256 - signal.SIGINT


def test_takes_no_part_in_what_the_kernel_reads(tmp_path: Path) -> None:
    with started(tmp_path, "say(subprocess.run(['cat'], capture_output=True).stdout)\ntime.sleep(60)") as it:
        assert line(it) == "b''"
        time.sleep(0.2)
        assert it.poll() is None
        let_go(it)
        it.wait(10)
