"""The route of front ends that ignore provisioners: they run the kernelspec's argv as if it were the kernel."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from polly_magic.kernels.specs import install_spec
from tests.kernel import Kernel
from tests.kernel_images import BY_SUM, COUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from polly_magic.kernels.settings import KernelSettings


@contextmanager
def launched(settings: KernelSettings, home: Path) -> Iterator[tuple[Kernel, subprocess.Popen[str]]]:
    """Read the kernelspec, write a connection file and run argv, as such a front end does."""
    spec = json.loads((install_spec("pinned", settings, "Pinned").directory / "kernel.json").read_text())
    file, _ = write_connection_file(str(home / "connection.json"), ip="127.0.0.1", key=b"a key")
    process = subprocess.Popen(
        [word.replace("{connection_file}", file) for word in spec["argv"]],
        cwd=home, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    client = BlockingKernelClient()
    client.load_connection_file(file)
    try:
        # As such front ends do: patience first, heartbeats later.
        client.start_channels(hb=False)
        client.wait_for_ready(timeout=60)
        yield Kernel(client), process
    finally:
        client.stop_channels()
        process.kill()
        process.communicate()


def until_gone(containers: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + 20
    while containers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert containers() == []


@pytest.mark.engine
def test_gives_the_same_kernel(
    settings: KernelSettings, jupyter_home: Path, containers: Callable[[], list[str]]
) -> None:
    with launched(settings, jupyter_home) as (kernel, process):
        assert kernel.run(f"import assay; assay.normalise({COUNTS})").result["text/plain"] == repr(BY_SUM)
        assert "connection.json" in kernel.run("import os; os.listdir()").result["text/plain"]
        kernel.client.execute("import time; time.sleep(100)")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        reply = kernel.client.get_shell_msg(timeout=20)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        kernel.client.shutdown()
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    until_gone(containers)


@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_takes_the_container_along_when_it_is_ended(
    settings: KernelSettings, jupyter_home: Path, containers: Callable[[], list[str]], number: signal.Signals
) -> None:
    with launched(settings, jupyter_home) as (kernel, process):
        kernel.client.execute("while True: pass")
        assert len(containers()) == 1
        process.send_signal(number)
        process.wait(20)
        until_gone(containers)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "It takes the kernelspec and the connection file."),
        (["missing.json", "connection.json"], "missing.json cannot be read"),
        (["text.json", "connection.json"], "text.json cannot be read"),
        (["list.json", "connection.json"], "list.json holds no object"),
        (["other.json", "connection.json"], "The kernelspec names no image."),
        (["odd.json", "connection.json"], "The kernelspec names no image."),
        (["ours.json", "ipc.json"], "is reached by tcp, not by ipc"),
    ],
)
def test_says_in_two_lines_what_is_wrong(tmp_path: Path, words: list[str], said: str) -> None:
    image = "localhost:5000/elucidata/16june@sha256:" + 64 * "5"
    contents: dict[str, Any] = {
        "connection.json": {"transport": "tcp"},
        "ipc.json": {"transport": "ipc"},
        "list.json": [],
        "other.json": {"argv": ["r"]},
        "odd.json": {"metadata": {"kernel_provisioner": ["config"]}},
        "ours.json": {"metadata": {"kernel_provisioner": {"config": {"container": {"image": image}}}}},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "text.json").write_text("no JSON")
    done = subprocess.run(
        [sys.executable, "-m", "polly_magic.kernels", *words],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
