"""``pin``: the line by which a notebook says which image it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.commands.command import Command, Face
from polly_magic.commands.names import resolve_commit
from polly_magic.commands.result import Commits, Rows
from polly_magic.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from polly_magic.pinning.notebook import Notebook

__all__ = ["COMMAND"]

_SUFFIX = ".ipynb"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", metavar="REF|NOTEBOOK", nargs="+", help="REF, NOTEBOOK.ipynb REF, or NOTEBOOK.ipynb --update"
    )
    parser.add_argument("--update", action="store_true", help="move the notebook's pin to what its tag points at now")
    parser.usage = "%(prog)s [NOTEBOOK.ipynb] REF | NOTEBOOK.ipynb --update [--help] [--debug]"


def _run(arguments: argparse.Namespace, face: Face) -> Commits | Rows:
    notebook, reference = _told_apart(arguments.words, update=arguments.update)
    if notebook is None:
        return _pin_here(reference, face)
    from polly_magic.pinning.notebook import read_notebook

    return _pin_file(read_notebook(Path(notebook)), reference, face)


def _told_apart(words: list[str], *, update: bool) -> tuple[str | None, str]:
    """Return the notebook and the reference; no reference is to follow the notebook's own tag."""
    match [word.endswith(_SUFFIX) for word in words], update:
        case [False], False:
            return None, words[0]
        case [True, False], False:
            return words[0], words[1]
        case [True], True:
            return words[0], ""
        case [True], False:
            raise UsageError(f"To what is {words[0]} pinned?", "Name an image, such as 16june:latest, or say --update.")
        case _, True:
            raise UsageError(
                "--update takes a notebook, and follows the tag of its pin.", "pin NOTEBOOK.ipynb --update"
            )
        case _:
            raise UsageError(
                f"This cannot be pinned: {' '.join(words)!r}.",
                "Say pin REF, or pin NOTEBOOK.ipynb REF for one notebook.",
            )


def _pin_here(reference: str, face: Face) -> Commits:
    from polly_magic.api import Client
    from polly_magic.pinning.pin import new_pin

    with Client() as client:
        commit = resolve_commit(reference, client, note=face.note)
        face.put_cell(new_pin(commit, client.user.email).line())
    return Commits(commit.repository, [commit])


def _pin_file(notebook: Notebook, reference: str, face: Face) -> Rows:
    from polly_magic.api import Client
    from polly_magic.pinning.pin import new_pin

    before = notebook.pin
    if not reference:
        if before is None or before.tag is None:
            missing = "is not pinned" if before is None else "is pinned to a digest without a tag"
            raise UsageError(f"{notebook.path} {missing}.", f"Pin it: polly-dockers pin {notebook.path} REF")
        reference = f"{before.image}:{before.tag}"
    with Client() as client:
        commit = resolve_commit(reference, client, note=face.note)
        pin = new_pin(commit, client.user.email)
    if notebook.says(pin):
        face.note(f"{notebook.path} is pinned to {pin.reference} already: nothing is changed.")
    else:
        notebook.write(notebook.pinned(pin))
        was = f", before to {before.reference}" if before and before.reference != pin.reference else ""
        face.note(f"{notebook.path} is pinned to {pin.reference}{was}. Reload it where it is open.")
    return Rows(
        ("notebook", "image", "tag", "digest", "before"),
        [[str(notebook.path), pin.image, pin.tag, pin.digest, before and before.digest]],
    )


COMMAND = Command(
    name="pin",
    summary="Say in a notebook which image it needs: a tag is resolved to the digest it has now.",
    example="pin 16june:latest\npin analysis.ipynb 16june:latest\npin analysis.ipynb --update",
    add_arguments=_add_arguments,
    run=_run,
)
