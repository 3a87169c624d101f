"""Several notebooks at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from polly_magic.reproduce.batch import run_all
from polly_magic.reproduce.running import Settings
from tests.pinning.notebooks import code, write
from tests.reproduce.local import QUICK, copy, result, write_kernel

if TYPE_CHECKING:
    from pathlib import Path

    from polly_magic.reproduce.copying import Copy

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def ignore(copy: Copy, done: int, total: int) -> None:
    pass


def waiting(path: Path, mine: Path, other: Path) -> Copy:
    """A notebook that only comes to its end while the other one runs."""
    meet = f"import time, pathlib\npathlib.Path({str(mine)!r}).touch()\n"
    meet += f"while not pathlib.Path({str(other)!r}).exists(): time.sleep(.05)"
    return copy(write(path, code(meet, execution_count=1), code("1", execution_count=2, outputs=[result(1)])))


def test_jobs_run_at_a_time_and_tell_how_far_they_are(tmp_path: Path) -> None:
    first = waiting(tmp_path / "a.ipynb", tmp_path / "1", tmp_path / "2")
    second = waiting(tmp_path / "b.ipynb", tmp_path / "2", tmp_path / "1")
    heard: dict[str, list[tuple[int, int]]] = {"a.ipynb": [], "b.ipynb": []}
    cells = run_all(
        [(first, write_kernel), (second, write_kernel)],
        QUICK,
        2,
        lambda copy, done, total: heard[copy.path.name].append((done, total)),
    )
    assert [[cell.status for cell in one] for one in cells] == [["same", "same"]] * 2
    # what was said may be said again
    assert [[*dict.fromkeys(said)] for said in heard.values()] == [[(0, 2), (1, 2), (2, 2)]] * 2


def test_one_job_runs_one_after_the_other_in_their_order(tmp_path: Path) -> None:
    order: list[str] = []
    copies = [copy(write(tmp_path / name, code("1", execution_count=1))) for name in ("b.ipynb", "a.ipynb")]
    found = run_all(
        [(one, write_kernel) for one in copies],
        QUICK,
        1,
        lambda copy, done, _: order.append(f"{copy.path.name} {done}"),
    )
    assert [*dict.fromkeys(order)] == ["b.ipynb 0", "b.ipynb 1", "a.ipynb 0", "a.ipynb 1"]
    assert [[cell.status for cell in cells] for cells in found] == [["different"], ["different"]]


def test_interruption_ends_those_that_run_and_starts_no_other(tmp_path: Path) -> None:
    slow = code("import time; time.sleep(100)", execution_count=1)
    copies = [copy(write(tmp_path / f"{n}.ipynb", code("x = 1", execution_count=1), slow)) for n in range(4)]
    started: set[str] = set()

    def tell(copy: Copy, done: int, total: int) -> None:
        started.add(copy.path.name)
        if done == 1:
            raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all([(one, write_kernel) for one in copies], Settings(200), 2, tell)
    assert time.monotonic() - began < 40
    assert started <= {"0.ipynb", "1.ipynb"}


def test_one_that_cannot_be_started_ends_the_others(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    slow = copy(write(tmp_path / "a.ipynb", code("import time; time.sleep(100)")))
    began = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        run_all([(slow, write_kernel), (slow, fail)], Settings(200), 2, ignore)
    assert time.monotonic() - began < 40
