"""All notebooks below a directory, and whether their pins are what the tags point at today."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from polly_magic.errors import NotLoggedIn, PollyError, ServiceUnavailable, UsageError
from polly_magic.pinning.notebook import read_notebook
from polly_magic.references import parse_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from polly_magic.api import Client
    from polly_magic.pinning.pin import Pin

__all__ = ["STATES", "Row", "State", "compare", "find_notebooks", "read_rows"]

State = Literal["current", "newer", "unknown", "unpinned", "unreadable"]
STATES: tuple[State, ...] = ("current", "newer", "unknown", "unpinned", "unreadable")
_CHECKPOINTS = ".ipynb_checkpoints"


@dataclass(frozen=True)
class Row:
    """A notebook and its pin.

    Parameters
    ----------
    notebook : str
        Path, relative to the directory that was asked for.
    state : str
        ``current``: its tag points at the pinned commit; ``newer``: at another one by now; ``unknown``: could not be
        asked; ``unpinned``; ``unreadable``.
    pin : Pin, optional
    newer : str, optional
        Digest that the tag has now, where that is another one.
    problem : str
        What is wrong; empty where nothing is.
    """

    notebook: str
    state: State
    pin: Pin | None = None
    newer: str | None = None
    problem: str = ""


def find_notebooks(directory: Path) -> list[Path]:
    """Return the notebooks below a directory, sorted; Jupyter's checkpoints are left out.

    Raises
    ------
    UsageError
        This is no directory.
    """
    if not directory.is_dir():
        raise UsageError(
            f"There is no directory {str(directory)!r}.", "Name one that holds notebooks, or leave it out."
        )
    return sorted(_walk(directory))


def _walk(directory: Path) -> Iterator[Path]:
    for folder, inner, files in os.walk(directory):
        inner[:] = [name for name in inner if name != _CHECKPOINTS]
        yield from (Path(folder, name) for name in files if name.endswith(".ipynb"))


def read_rows(directory: Path, notebooks: Sequence[Path], progress: Callable[[int, int], None]) -> list[Row]:
    """Read the pin of each notebook; one that cannot be read is a row that says why.

    Parameters
    ----------
    directory : pathlib.Path
    notebooks : sequence of pathlib.Path
        Below it.
    progress : callable
        Is told how many are read, of how many.
    """
    rows: list[Row] = []
    for path in notebooks:
        name = path.relative_to(directory).as_posix()
        try:
            notebook = read_notebook(path)
        except PollyError as error:
            rows.append(Row(name, "unreadable", problem=error.problem))
        else:
            pin = notebook.pin
            rows.append(Row(name, "unknown" if pin else "unpinned", pin, problem=notebook.contradiction))
        progress(len(rows), len(notebooks))
    return rows


def compare(rows: Sequence[Row], client: Client) -> list[Row]:
    """Ask the service what each pinned tag points at now, once for each tag.

    Raises
    ------
    ServiceUnavailable, NotLoggedIn
        The service tells nothing of any tag.
    """
    answers: dict[tuple[str, str | None], str | PollyError] = {}
    compared: list[Row] = []
    for row in rows:
        if row.pin is None:
            compared.append(row)
            continue
        key = (row.pin.image, row.pin.tag)
        if key not in answers:
            answers[key] = _active(*key, client)
        answer = answers[key]
        if isinstance(answer, PollyError):
            compared.append(replace(row, problem="; ".join(filter(None, (row.problem, answer.problem)))))
        elif answer == row.pin.digest:
            compared.append(replace(row, state="current"))
        else:
            compared.append(replace(row, state="newer", newer=answer))
    return compared


def _active(image: str, tag: str | None, client: Client) -> str | PollyError:
    if tag is None:
        return PollyError("The pin names no tag, so there is none to follow.")
    try:
        where = parse_repository(image)
        if where.host != client.registry:
            return PollyError(f"The image is kept on {where.host}, and you are logged in to {client.registry}.")
        active = client.commits(where.path, tag=tag, status="active", limit=1)
    except (ServiceUnavailable, NotLoggedIn):
        raise  # to wait for each tag would take for ever
    except PollyError as error:
        return error
    return active[0].commit_hash if active else PollyError(f"{image} has no tag {tag!r} any more.")
