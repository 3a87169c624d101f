"""Nothing is left of kernels, however they and their Jupyter end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from polly_magic.kernels import leftovers
from polly_magic.kernels.container import LABEL
from polly_magic.kernels.settings import KernelSettings
from polly_magic.kernels.specs import install_spec
from tests.local_service import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.anna import Anna
    from tests.kernel_images import KernelImages

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE = 60.0
SETTLED = 15.0
"""Seconds in which a container ends whose owner is gone."""

# What ends the round, how many kernels do so in one Jupyter, and how many seconds after its word that is killed.
ROUNDS: list[tuple[str, int, float | None]] = [
    ("shut down", 5, None),
    ("shut down at once", 4, None),
    ("shut down while it computes", 4, None),
    ("kernel killed", 4, None),
    ("container killed", 4, None),
    ("Jupyter killed while idle", 4, 0),
    ("Jupyter killed while computing", 5, 0),
    ("Jupyter killed while in C", 4, 1),
    ("Jupyter killed in the start", 4, 0.2),
    ("Jupyter killed in the start", 4, 0.5),
    ("Jupyter killed between create and start", 2, None),
    ("Jupyter killed in the restart", 3, 0.4),
    ("Jupyter killed in the restart", 3, 1.0),
]
# The same through the kernelspec's argv, as a front end starts it that ignores provisioners.
LAUNCHED: list[tuple[str, int, float | None]] = [
    ("shut down", 2, None),
    ("shut down while it computes", 2, None),
    ("kernel killed", 2, None),
    ("launcher killed", 2, None),
    ("launcher terminated", 2, None),
    ("Jupyter killed while idle", 2, 0),
    ("Jupyter killed while in C", 2, 1),
]


@dataclass
class Place:
    """Where kernels run: a home of its own with one kernelspec, and what stands in it afterwards."""

    home: Path
    image: str
    ports: set[int] = field(default_factory=set)

    @property
    def variables(self) -> dict[str, str]:
        return environment(self.home) | {"TMPDIR": str(self.temporary)}

    @property
    def temporary(self) -> Path:
        return self.home / "temporary"

    @property
    def runtime(self) -> Path:
        return self.home / "jupyter-runtime"

    @property
    def spec(self) -> Path:
        return self.home / "jupyter-data" / "kernels" / "ours" / "kernel.json"

    def containers(self, *states: str) -> list[str]:
        words = [f"--filter=status={state}" for state in states]
        listed = subprocess.run(
            [
                "docker",
                "ps",
                "--all",
                f"--filter=label={LABEL}={self.image}",
                *words,
                "--format={{.Names}}",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return listed.stdout.splitlines()

    def files(self) -> list[Path]:
        return sorted([*self.runtime.iterdir(), *self.temporary.iterdir()])

    def listeners(self) -> list[str]:
        """Return who listens at a port that a kernel had, a proxy of Docker above all."""
        found: list[str] = []
        for one in psutil.net_connections("tcp"):
            address: Any = one.laddr
            if one.status == psutil.CONN_LISTEN and address.port in self.ports:
                found.append(f"{address.port} of {one.pid}")
        return found

    def processes(self) -> list[str]:
        """Return the processes that were handed this image, in containers or out of them."""
        found: list[str] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it has ended, or is somebody else's
                if process.environ().get("POLLY_IMAGE") == self.image:
                    found.append(f"{process.pid} {process.cmdline()}")
        return found

    def remember_ports(self) -> None:
        """Learn the ports from connection files, for kernels whose Jupyter never came to tell."""
        for file in self.files():
            if file.name.startswith("kernel-"):
                content = json.loads(file.read_text())
                self.ports |= {number for name, number in content.items() if name.endswith("_port")}

    def see_no_kernel(self) -> None:
        """Wait until nothing runs, and nothing listens."""
        found: list[list[str]] = []
        deadline = time.monotonic() + SETTLED
        while time.monotonic() < deadline:
            found = [self.containers("running", "removing", "exited", "dead"), self.listeners(), self.processes()]
            if not any(found):
                return
            time.sleep(0.1)
        pytest.fail(f"left {SETTLED} s after the end: {found}")


@pytest.fixture
def place(
    tmp_path: Path, anna: Anna, pulled_kernel_images: KernelImages, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    images = pulled_kernel_images
    # An image by its inactive commit: another test's containers are of the active one.
    place = Place(tmp_path, images.at(images.inactive))
    for directory in (place.temporary, place.runtime):
        directory.mkdir()
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, place.variables[name])
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    install_spec("ours", KernelSettings(place.image), "Ours")
    yield place
    for line in place.containers():
        subprocess.run(["docker", "rm", "--force", line], capture_output=True, timeout=60, check=False)


def test_nothing_is_left_of_fifty_kernels_however_they_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(how_many for _, how_many, _ in ROUNDS) == 50
    for ending, how_many, delay in ROUNDS:
        halves = {*place.containers("created")}
        run_jupyter(place, "ours", ending, how_many, delay)
        place.remember_ports()
        place.see_no_kernel()
        if not ending.startswith("Jupyter killed"):
            assert (ending, place.files(), place.containers()) == (ending, [], [])
        if ending.endswith("between create and start"):
            assert len({*place.containers("created")} - halves) == how_many
    assert len(place.ports) >= 5 * 50
    left = place.files()
    assert left, "a killed Jupyter leaves connection files"

    monkeypatch.setattr(leftovers, "_AGE", 3600.0)
    leftovers.clear_leftovers()
    assert place.files() == left, "they may be another Jupyter's, in the middle of a start"
    monkeypatch.setattr(leftovers, "_AGE", 2.0)
    time.sleep(3)
    leftovers.clear_leftovers()
    assert (place.files(), place.containers()) == ([], [])


def test_nothing_is_left_of_kernels_that_the_launcher_starts(place: Place) -> None:
    spec = json.loads(place.spec.read_text())
    del spec["metadata"]
    directory = place.spec.parents[1] / "launched"
    directory.mkdir()
    (directory / "kernel.json").write_text(json.dumps(spec))
    for ending, how_many, delay in LAUNCHED:
        run_jupyter(place, "launched", ending, how_many, delay)
        place.remember_ports()
        place.see_no_kernel()
        assert (ending, place.files(), place.containers()) == (ending, [], [])


def run_jupyter(place: Place, kernel: str, ending: str, how_many: int, delay: float | None) -> None:
    """Let a Jupyter do its rounds; kill it where the ending says so."""
    # A file: what outlives Jupyter would hold a pipe open.
    errors = place.home / "errors.txt"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "tests.kernels.small_jupyter", kernel, ending, str(how_many)],
            env=place.variables | {"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=place.home,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as jupyter,
    ):
        said: list[str] = []
        try:
            assert jupyter.stdout is not None
            for line in jupyter.stdout:
                word: dict[str, Any] = json.loads(line)
                said.append(word["what"])
                place.ports |= set(word.get("ports", ()))
                if (word["what"] == "now" and delay is not None) or said.count("between") == how_many:
                    time.sleep(delay or 0)
                    jupyter.kill()
                    break
            code = jupyter.wait(PATIENCE)
        finally:
            jupyter.kill()
    expected = -signal.SIGKILL if ending.startswith("Jupyter killed") else 0
    assert (ending, code) == (ending, expected), f"{said}\n{errors.read_text()}"
