"""The tour: its notebooks, and the steps of `make tour` with and without JupyterLab."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import psutil
import pytest

from tests.images import remove_repositories
from tests.local_service import environment, logged_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TOUR = NOTEBOOKS / "tour.ipynb"
PINNING = NOTEBOOKS / "pinning.ipynb"


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Hold the committed notebooks as they were."""
    before = {path: path.read_bytes() for path in NOTEBOOKS.iterdir() if path.is_file()}
    yield
    assert {path: path.read_bytes() for path in NOTEBOOKS.iterdir() if path.is_file()} == before


def check(notebook: Path, variables: dict[str, str]) -> None:
    """Run it, and compare its outputs with those that are written in it."""
    run(variables, sys.executable, "-m", "polly_magic.sample")
    plain = ["-p", "no:cacheprovider", "-o", "addopts=", "-q"]
    said = run(variables, sys.executable, "-m", "pytest", *plain, "--nbval", str(notebook), timeout=250)
    cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    assert re.search(rf"\b{len(cells)} passed\b", said), said


def test_gives_the_outputs_that_are_written_in_the_notebook(tmp_path: Path, unchanged: None) -> None:
    with logged_in(tmp_path) as variables:
        check(TOUR, variables)


@pytest.mark.engine
def test_pins_an_analysis_and_proves_it_as_the_notebook_says(tmp_path: Path, unchanged: None) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with logged_in(tmp_path) as variables:
        try:
            check(PINNING, variables | {"TMPDIR": str(temporary)})
        finally:
            listed = json.loads(run(variables, "polly-dockers", "commit-list", "--name", "notebook", "--all", "--json"))
            remove_repositories(variables, listed[0]["pull_path"].rpartition(":")[0])
    assert [path for path in temporary.iterdir() if path.name.startswith("analysis-")] == []
    assert _kernels(Path(variables["JUPYTER_DATA_DIR"])) == []


def _kernels(data: Path) -> list[str]:
    return [path.name for path in data.glob("kernels/*")]


def test_ends_after_the_notebook_without_a_browser(tmp_path: Path, unchanged: None) -> None:
    home = tmp_path / "tour"
    said = run(environment(tmp_path) | {"BROWSER": "none"}, "sh", str(NOTEBOOKS / "tour.sh"), str(home), timeout=200)
    for text in ("docker repository", "elucidata/docker_demo/cache", "ben@elucidata.io", "inactive", "ran to its end"):
        assert text in said
    outputs = [cell.get("outputs") for cell in nbformat.read(home / "tour.ipynb", 4).cells]
    assert "elucidata/workbench" in str(outputs)
    assert _left_running(home) == []
    assert {path.name for path in tmp_path.iterdir()} == {"tour"}, "something lies outside the tour's directory"


def test_opens_jupyterlab_and_prints_where(tmp_path: Path, unchanged: None) -> None:
    home = tmp_path / "tour"
    process = subprocess.Popen(
        ["sh", str(NOTEBOOKS / "tour.sh"), str(home)],
        env=environment(tmp_path) | {"BROWSER": "/bin/true"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    guard = threading.Timer(100, os.killpg, (process.pid, signal.SIGKILL))
    guard.start()
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if re.search(r"http://\S+/lab/tree/tour\.ipynb\?token=", line):
                break
        else:
            pytest.fail(f"JupyterLab did not say where it is:\n{said}")
        assert [found for found in _processes_of(home) if "polly_magic.service" in found]
        os.killpg(process.pid, signal.SIGTERM)
        said += process.communicate(timeout=60)[0]
    finally:
        guard.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert _left_running(home) == [], said


def _processes_of(home: Path) -> list[str]:
    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if any(str(home) in word for word in process.info["cmdline"] or [])
    ]


def _left_running(home: Path) -> list[str]:
    # A process may outlive by an instant the lock that it lets go.
    deadline = time.monotonic() + 10
    while (left := _processes_of(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
