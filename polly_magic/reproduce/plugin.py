"""A plugin of pytest beside nbval: tells of each cell as it ends, and goes no further where that is of no use.

It runs in a process of its own, which `running` starts. A cell is one line of JSON on the file descriptor that
``--polly-report`` names.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from nbval.plugin import coalesce_streams, transform_streams_for_comparison

from polly_magic.reproduce.copying import PIN_TAG
from polly_magic.reproduce.differences import difference
from polly_magic.reproduce.kernel_watch import KernelDied, KernelWatch
from polly_magic.reproduce.outputs import REDRAWING, as_written, from_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "pytest_addoption",
    "pytest_collectreport",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

_GRACE = 10.0
_PICTURES = ("image/png", "image/jpeg")
_WATCH = pytest.StashKey[KernelWatch]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file descriptor to report on."""
    parser.addoption("--polly-report", type=int, help="file descriptor that gets a line of JSON for each cell")


def pytest_configure() -> None:
    """End once nobody holds standard input any more: whoever started this let go of it, or is gone."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)  # an interruption, which ends the kernel too
    time.sleep(_GRACE)
    os._exit(1)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Tell that nbval cannot read the notebook."""
    if report.failed:
        raise pytest.UsageError(_last_line(report.longreprtext))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Mind the kernel from its first cell on."""
    notebook: Any = item.parent
    if _WATCH not in notebook.stash:
        notebook.stash[_WATCH] = KernelWatch(notebook.kernel)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Tell what was found of a cell."""
    error = call.excinfo.value if call.excinfo else None
    if call.when == "call":
        found = _found(item, error) | {"seconds": call.duration}
    elif call.when == "setup" and error is not None:
        item.session.shouldstop = "there is no kernel"
        found = _error(f"The kernel did not start: {_one_line(error)}")
    else:
        return
    cell: Any = item
    with os.fdopen(int(cell.config.getoption("--polly-report")), "w", encoding="utf-8", closefd=False) as report:
        report.write(json.dumps({"cell": cell.cell_num} | found) + "\n")


def _found(item: Any, error: BaseException | None) -> dict[str, Any]:
    watch: KernelWatch = item.parent.stash[_WATCH]
    if isinstance(error, pytest.skip.Exception):
        return {"status": "not compared", "detail": "left out by its tag"}
    if hopeless := _hopeless(item, error, watch):
        item.session.shouldstop = hopeless
        return _error(hopeless)
    new, stored = from_messages(watch.messages), item.cell.outputs
    if watch.failure and not item.options["check_exception"]:
        too = any(output.output_type == "error" for output in stored)
        tag = " (as it did before: tag the cell raises-exception where it should)" if too else ""
        return _error(f"{watch.failure['ename']}: {_one_line(watch.failure['evalue'])}{tag}")
    ran = {"outputs": as_written(new)}
    if item.cell.execution_count is None and stored:
        return ran | _error("The notebook holds outputs of this cell, and no execution count: run it, or clear them.")
    kinds = {kind for output in (*stored, *new) for kind in output.get("data", {})}
    pictures = [kind for kind in _PICTURES if kind in kinds]
    unseen = f"{' and '.join(pictures)} not compared" if pictures else ""
    compared = hasattr(item, "comparison_traceback")
    if compared and _differs(item, error, stored, new):
        return ran | {
            "status": "different",
            "detail": unseen,
            "diff": difference(_by_kind(item, stored), _by_kind(item, new)),
        }
    if error is not None and not compared:
        return _error(_one_line(error))
    if reason := _why_not_compared(item):
        return ran | {"status": "not compared", "detail": reason}
    return ran | {"status": "same", "detail": unseen}


def _hopeless(item: Any, error: BaseException | None, watch: KernelWatch) -> str:
    """Return why no further cell can be run; empty where it can."""
    if watch.overdue is not None:
        limit = item.config.getoption("--nbval-cell-timeout")
        return f"It took longer than {limit:g} s: --timeout SECONDS gives it more."
    if isinstance(error, KernelDied):
        return "The kernel died while this cell ran."
    if error is not None and not item.parent.kernel.is_alive():
        return "The kernel died before the end of this cell was told."
    return ""


def _differs(item: Any, error: BaseException | None, stored: Sequence[Any], new: Sequence[Any]) -> bool:
    """Whether nbval finds that outputs differ as they stand at the end: it takes what is redrawn as it was at first."""
    watch: KernelWatch = item.parent.stash[_WATCH]
    if any(message["header"]["msg_type"] in REDRAWING for message in watch.messages):
        return not item.compare_outputs(_coalesced(new), _coalesced(stored))
    return error is not None


def _coalesced(outputs: Sequence[Any]) -> list[Any]:
    return coalesce_streams(copy.deepcopy([*outputs]))  # which changes what it is given


def _why_not_compared(item: Any) -> str:
    if PIN_TAG in item.cell.metadata.get("tags", ()):
        return "the pin's own cell"
    if not item.options["check"]:
        return "its output is ignored by its tag"
    if item.cell.execution_count is None:
        return "empty" if not item.cell.source.strip() else "it never ran in the stored notebook"
    return ""


def _by_kind(item: Any, outputs: Sequence[Any]) -> dict[str, list[object]]:
    """Return what nbval compares, by the names that it gives, as the sanitizing leaves it."""
    found: dict[str, list[object]] = defaultdict(list)
    for output in transform_streams_for_comparison(_coalesced(outputs)):
        for key, value in {**output, **output.get("data", {})}.items():
            if key != "data" and key not in item.parent.skip_compare:
                found[key].append(item.sanitize(value))
    return found


def _error(detail: str) -> dict[str, Any]:
    return {"status": "error", "detail": detail}


def _one_line(said: object) -> str:
    return " ".join(str(said).split()) or type(said).__name__


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
