"""One notebook, run and compared by nbval: as a plugin of pytest, in a process and a directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from polly_magic.reproduce.cells import Cell
from polly_magic.reproduce.sanitizing import OWN_PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from polly_magic.reproduce.copying import Copy

__all__ = ["Run", "Settings"]

_KERNEL = "polly-reproduce"
_START = 120  # seconds for a kernel to start in: a large image on a slow disk
_GRACE = 20.0


@dataclass(frozen=True)
class Settings:
    """How notebooks are run.

    Parameters
    ----------
    timeout : float
        Seconds for a cell.
    patterns : str, optional
        For nbval, of what differs in every run.
    """

    timeout: float = 3600
    patterns: str = ""


class Run:
    """A run of one notebook: a context manager, and in it an iterable of all its code cells as they end.

    Parameters
    ----------
    copy : Copy
        Of the notebook.
    write_kernel : callable
        Writes the kernelspec into the directory that it is given.
    settings : Settings

    Examples
    --------
    ::

        with Run(copy, write_kernel, Settings()) as run:
            cells = list(run)
    """

    def __init__(self, copy: Copy, write_kernel: Callable[[Path], None], settings: Settings) -> None:
        self._copy = copy
        self._write_kernel = write_kernel
        self._settings = settings
        self._left = contextlib.ExitStack()

    def __enter__(self) -> Run:
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="polly-reproduce-", ignore_cleanup_errors=True)
            )
            self._directory = Path(directory)
            self._report: IO[str] = stack.enter_context(self._start())
            stack.callback(self._end)
            self._left = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.close()

    def __iter__(self) -> Iterator[Cell]:
        number, why = 0, ""
        for line in self._report:
            found: dict[str, Any] = json.loads(line)
            number = found.pop("cell") + 1
            cell = Cell(number, source=self._copy.sources[number - 1], **found)
            why = f"not run: {cell.detail}" if cell.seconds is None else f"not run, because of cell {number}"
            yield cell
        if number < len(self._copy.sources):
            why = why or self._why_nothing()
            for source in self._copy.sources[number:]:
                number += 1
                yield Cell(number, "error", source, detail=why)

    def stop(self) -> None:
        """End the run before its time, from any thread; its kernel ends with it."""
        if self._process.stdin:
            self._process.stdin.close()

    def _start(self) -> IO[str]:
        folder = self._directory
        (folder / "notebook.ipynb").write_text(json.dumps(self._copy.content), "utf-8")
        (folder / "patterns").write_text(OWN_PATTERNS + self._settings.patterns, "utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "runtime").mkdir(mode=0o700)
        (folder / "tmp").mkdir(mode=0o700)
        kernel = folder / "jupyter" / "kernels" / _KERNEL
        kernel.mkdir(parents=True)
        self._write_kernel(kernel)
        reading, writing = os.pipe()
        try:
            with (folder / "errors").open("wb") as errors:
                self._process = subprocess.Popen(
                    self._command(writing),
                    cwd=folder,
                    env=self._variables(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=[writing],
                    start_new_session=True,  # Ctrl-C is for us, who end it in order
                )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return os.fdopen(reading, encoding="utf-8")

    def _command(self, report: int) -> list[str]:
        # What -W says is not handed on to the kernel, as a variable would be.
        command = [sys.executable, "-X", "utf8", "-W", "ignore", "-m", "pytest"]
        command += ["-c", "pytest.ini", "--rootdir=.", "--confcutdir=.", "--color=no", "--capture=no", "--tb=no"]
        command += ["-p", "no:cacheprovider", "-p", "no:warnings", "-p", "nbval.plugin"]
        command += ["-p", "polly_magic.reproduce.plugin", f"--polly-report={report}"]
        command += ["--nbval", f"--nbval-kernel-name={_KERNEL}", f"--nbval-kernel-startup-timeout={_START}"]
        command += [f"--nbval-cell-timeout={self._settings.timeout!r}", "--nbval-sanitize-with=patterns"]
        return [*command, "notebook.ipynb"]

    def _variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHONWARNINGS"))}
        paths = [str(self._directory / "jupyter"), kept.get("JUPYTER_PATH", "")]
        return kept | {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "JUPYTER_PATH": os.pathsep.join(filter(None, paths)),
            # Of a kernel that dies nobody removes the connection file.
            "JUPYTER_RUNTIME_DIR": str(self._directory / "runtime"),
            "TMPDIR": str(self._directory / "tmp"),
        }

    def _end(self) -> None:
        self.stop()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _why_nothing(self) -> str:
        status = self._process.wait()
        lines = (self._directory / "errors").read_text("utf-8", errors="replace").splitlines()
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"not run: nbval ended with status {status}" + (f": {said}" if said else "")
