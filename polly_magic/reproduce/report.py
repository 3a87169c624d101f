"""The report: one HTML file that needs nothing else, to be kept or passed on."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from polly_magic.errors import PollyError, UsageError
from polly_magic.reproduce.cells import STATUSES, count
from polly_magic.reproduce.differences import kind_of_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from polly_magic.reproduce.cells import Outcome

__all__ = ["check_writable", "render", "write_report"]


def check_writable(path: Path) -> None:
    """See that the report can be written, before anything is run.

    Raises
    ------
    UsageError
        It cannot.
    """
    reason = ""
    try:
        path = path.resolve()
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            reason = "" if stat.S_ISREG(mode) else "it is no file"
        tempfile.TemporaryFile(dir=path.parent).close()  # that is where it is made, before it takes its name
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or str(error)
    if reason:
        raise UsageError(f"The report {str(path)!r} cannot be written: {reason}.", "Name another file: --html REPORT")


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the report, at once or not at all.

    Raises
    ------
    PollyError
        It cannot be written.
    """
    text = render(outcomes, datetime.now(timezone.utc))
    path = path.resolve()
    temporary = path.with_name(f".polly-report-{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PollyError(
            f"The report {str(path)!r} cannot be written: {error.strerror}.", "Name another file: --html REPORT"
        ) from error


def render(outcomes: Sequence[Outcome], when: datetime) -> str:
    """Return the report as HTML."""
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("polly_magic.reproduce", "")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    cells = [cell for outcome in outcomes for cell in outcome.cells]
    return pages.get_template("report.html.j2").render(
        outcomes=outcomes,
        counts=count(cells),
        statuses=STATUSES,
        kind_of_line=kind_of_line,
        when=f"{when:%Y-%m-%d %H:%M} UTC",
    )
