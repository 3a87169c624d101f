"""``reproduce``: whether notebooks still give the same answers in the image that they are pinned to."""

from __future__ import annotations

import argparse
import glob
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.pull import see_to_image
from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polly_magic.commands.reproduction import Reproduction
    from polly_magic.kernels.settings import KernelSettings
    from polly_magic.pinning.notebook import Notebook
    from polly_magic.pinning.pin import Pin
    from polly_magic.reproduce.cells import Outcome

__all__ = ["COMMAND"]

_HOUR = 3600.0
_ABOUT = """

Each notebook is run from its top, as a copy, in a kernel of its own with its folder as /work. A cell is the same,
different, an error, or not compared: one with the tag nbval-skip or nbval-ignore-output, or that never ran before.
One that should raise has the tag raises-exception. Text is compared, and pictures in PNG and JPEG are not."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebooks", metavar="NOTEBOOK.ipynb", nargs="+", help="pinned notebooks")
    parser.add_argument("--image", metavar="REF", help="run in this image instead, to see what an update would change")
    parser.add_argument(
        "--kernel",
        metavar="KERNEL",
        help="hand the notebooks what this installed kernel has: mounts, variables, limits",
    )
    parser.add_argument("--sanitize", metavar="FILE", help="patterns of what differs in every run, as nbval takes them")
    parser.add_argument(
        "--timeout", type=_seconds, default=_HOUR, metavar="SECONDS", help="for each cell (an hour unless said)"
    )
    parser.add_argument("--jobs", type=_positive, default=1, metavar="N", help="run so many notebooks at a time")
    parser.add_argument("--html", metavar="REPORT", help="write a report into this file, which needs no other")
    parser.add_argument("--write", action="store_true", help="put the new outputs into the notebooks")
    parser.description = f"{parser.description or ''}{_ABOUT}".lstrip()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text} is no time to run in")
    return seconds


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _run(arguments: argparse.Namespace, face: Face) -> Reproduction:
    from polly_magic.commands.reproduction import Reproduction
    from polly_magic.reproduce.batch import run_all
    from polly_magic.reproduce.cells import Outcome
    from polly_magic.reproduce.copying import copy_of
    from polly_magic.reproduce.report import check_writable
    from polly_magic.reproduce.running import Settings
    from polly_magic.reproduce.sanitizing import read_patterns

    if arguments.image and arguments.write:
        raise UsageError(
            "--write keeps what the pinned image gives, and --image is another one.",
            "Move the pin first: pin NOTEBOOK.ipynb REF",
        )
    notebooks = _read(arguments.notebooks)
    settings = Settings(arguments.timeout, read_patterns(Path(arguments.sanitize)) if arguments.sanitize else "")
    report = Path(arguments.html) if arguments.html is not None else None
    if report is not None:
        if report.resolve() in {notebook.path.resolve() for notebook in notebooks}:
            raise UsageError(f"{arguments.html!r} is one of the notebooks.", "Name another file: --html REPORT")
        check_writable(report)
    has = _settings_of(arguments.kernel) if arguments.kernel is not None else None
    pins = _pins(notebooks, arguments.image, face)
    copies = [copy_of(notebook, pin) for notebook, pin in zip(notebooks, pins, strict=True)]
    kernels = {reference: _kernel(reference, has, face) for reference in dict.fromkeys(pin.reference for pin in pins)}
    writers = [
        _writer(kernels[pin.reference], notebook.path.resolve().parent)
        for notebook, pin in zip(notebooks, pins, strict=True)
    ]
    title = f"Ran {len(notebooks)} notebook{'s' if len(notebooks) > 1 else ''}"
    try:
        with face.progress(title) as bars:
            found = run_all(
                [*zip(copies, writers, strict=True)],
                settings,
                arguments.jobs,
                lambda copy, done, total: bars.update(str(copy.path), done, total),
            )
    except KeyboardInterrupt:
        face.note("Interrupted: the kernels are ended, and no notebook was changed.")
        raise
    outcomes = [
        Outcome(notebook.path, pin.reference, cells)
        for notebook, pin, cells in zip(notebooks, pins, found, strict=True)
    ]
    failed = _keep(notebooks, outcomes, report, face, write=arguments.write)
    result = Reproduction(outcomes, failed)
    if not face.acts_at_once:
        face.note(result.summary())  # a terminal has it below the table
    return result


def _read(names: Sequence[str]) -> list[Notebook]:
    from polly_magic.pinning.notebook import read_notebook

    notebooks = [read_notebook(path) for name in names for path in _matching(name)]
    seen: set[Path] = set()
    for notebook in notebooks:
        if (path := notebook.path.resolve()) in seen:
            raise UsageError(f"The notebook {str(notebook.path)!r} is named twice.", "Name each one once.")
        seen.add(path)
    return notebooks


def _matching(name: str) -> Sequence[Path]:
    """Return the notebooks of a pattern, which a shell would have put in its place; a name stands for itself."""
    if Path(name).exists() or not any(mark in name for mark in "*?["):
        return [Path(name)]
    found = sorted(glob.glob(name))  # noqa: PTH207 - Path.glob takes no pattern that starts at the root
    return [Path(one) for one in found] or [Path(name)]


def _pins(notebooks: Sequence[Notebook], image: str | None, face: Face) -> list[Pin]:
    if image is not None:
        from polly_magic.api import Client
        from polly_magic.commands.names import resolve_commit
        from polly_magic.pinning.pin import new_pin

        with Client() as client:
            commit = resolve_commit(image, client, note=face.note)
            return [new_pin(commit, client.user.email)] * len(notebooks)
    pins: list[Pin] = []
    for notebook in notebooks:
        if (pin := notebook.pin) is None:
            raise UsageError(
                f"The notebook {str(notebook.path)!r} is not pinned, so it names no image to run in.",
                f"Pin it: polly-dockers pin {notebook.path} REF",
            )
        if notebook.contradiction:
            face.note(f"{notebook.path} runs in the image of its line; {notebook.contradiction}")
        pins.append(pin)
    return pins


def _settings_of(name: str) -> KernelSettings:
    from polly_magic.kernels.specs import get_spec

    if (settings := get_spec(name).settings) is None:
        raise UsageError(f"The kernel {name!r} cannot be read.", "Install it again: polly-dockers kernel install REF")
    return settings


def _kernel(reference: str, has: KernelSettings | None, face: Face) -> KernelSettings:
    """Have the image on this machine, and find out how a kernel starts in it; it gets what another kernel has."""
    from dataclasses import replace

    from polly_magic.engine import Engine
    from polly_magic.kernels.probe import find_python
    from polly_magic.kernels.settings import KernelSettings
    from polly_magic.references import parse

    image = parse(reference)
    with Engine() as engine:
        see_to_image(image, engine, face)
        python = find_python(engine, image)
    settings = has or KernelSettings(reference)
    return replace(settings, image=reference, python=python.python, entry_point=python.entry_point)


def _writer(settings: KernelSettings, folder: Path) -> Callable[[Path], None]:
    from dataclasses import replace

    from polly_magic.kernels.specs import write_spec

    return partial(write_spec, settings=replace(settings, folder=str(folder)), shown="Polly")


def _keep(
    notebooks: Sequence[Notebook], outcomes: Sequence[Outcome], report: Path | None, face: Face, *, write: bool
) -> bool:
    """Write what was asked for, and return whether any of it failed."""
    failed = False
    if report is not None:
        failed = not _tried(partial(_report, report, outcomes, face), face)
    for notebook, outcome in zip(notebooks, outcomes, strict=True) if write else ():
        failed = not _tried(partial(_write, notebook, outcome, face), face) or failed
    return failed


def _report(report: Path, outcomes: Sequence[Outcome], face: Face) -> None:
    from polly_magic.reproduce.report import write_report

    write_report(report, outcomes)
    face.note(f"The report is in {report}.")


def _write(notebook: Notebook, outcome: Outcome, face: Face) -> None:
    from polly_magic.reproduce.writing import write_outputs

    changed = write_outputs(notebook, outcome.cells)
    has = "has the new outputs. Reload it where it is open." if changed else "has these outputs already."
    face.note(f"{notebook.path} {has}")


def _tried(call: Callable[[], None], face: Face) -> bool:
    """Call it; say why it failed, so that the table is not lost."""
    try:
        call()
    except PollyError as error:
        face.note(str(error))
        return False
    return True


COMMAND = Command(
    name="reproduce",
    summary="Run notebooks again in the image that they are pinned to, and compare each output with the stored one.",
    example="reproduce analysis.ipynb\nreproduce counts.ipynb fit.ipynb --jobs 2 --html report.html\n"
    "reproduce analysis.ipynb --image 16june:latest",
    add_arguments=_add_arguments,
    run=_run,
)
