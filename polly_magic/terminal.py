"""The command table in a terminal: ``polly-dockers``."""

from __future__ import annotations

import csv
import getpass
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING

from polly_magic.commands import COMMANDS, Help, Judgement, parse
from polly_magic.commands.display import visible
from polly_magic.completion import complete_in_shell, shell_script
from polly_magic.errors import NotLoggedIn, PollyError, UsageError
from polly_magic.progress import terminal_bars
from polly_magic.redaction import Secret, redact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from polly_magic.commands import Progress, Result

__all__ = ["main"]

PROG = "polly-dockers"
_INTERRUPTED = 130
_BROKEN_PIPE = 141


class _Terminal:
    """The face that commands see."""

    acts_at_once = True

    def ask_secret(self, prompt: str) -> Secret:
        try:
            if sys.stdin.isatty():
                return Secret(getpass.getpass(prompt))
            text = sys.stdin.readline().strip()
        except EOFError:
            text = ""
        if not text:
            raise NotLoggedIn(
                "No key was given, and nobody can be asked for it.", "Set POLLY_API_KEY, or pipe the key in."
            )
        return Secret(text)

    def note(self, text: str) -> None:
        print(_plain(text), file=sys.stderr)  # noqa: T201

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        return terminal_bars(title)

    def put_cell(self, text: str) -> None:
        self.write(text + "\n")

    def show_panel(self) -> None:
        raise UsageError("The panel needs a notebook, and this is a terminal.", "Run %polly_dockers in JupyterLab.")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns
    -------
    int
        0, 1 for an error, 2 for a command written wrongly, 130 for an interruption, or what a container or result says.
    """
    words = sys.argv[1:] if words is None else words
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue] - a text file
    try:
        status = _run(words)
        sys.stdout.flush()
    except PollyError as error:
        if "--debug" in words:
            print(_plain(redact("".join(traceback.format_exception(error)))), end="", file=sys.stderr)  # noqa: T201
        else:
            print(_plain(str(error)), file=sys.stderr)  # noqa: T201
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader left. Python would complain once more when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return status


def _run(words: Sequence[str]) -> int:
    complete_in_shell()
    if words and words[0] == "completion":
        print(shell_script(words[1:]), end="")  # noqa: T201
        return 0
    try:
        arguments = parse(words, COMMANDS, PROG, terminal=True)
    except Help as help_:
        print(help_.text, end="")  # noqa: T201
        return 0
    result = COMMANDS[arguments.command].run(arguments, _Terminal())
    if result is None or isinstance(result, int):
        return result or 0
    _show(result, arguments.form)
    return result.exit_status if isinstance(result, Judgement) else 0


def _show(result: Result, form: str | None) -> None:
    if form == "json":
        print(json.dumps(result.records(), indent=2))  # noqa: T201
    elif form == "csv":
        out = csv.writer(sys.stdout)
        out.writerow(result.columns)
        out.writerows([_cell(record[column]) for column in result.columns] for record in result.records())
    else:
        from rich.console import Console

        # Sized to a terminal; a file or a pipe gets whole values however wide that makes the table.
        width = None if sys.stdout.isatty() else 100_000
        Console(width=width, highlight=False, markup=False, emoji=False).print(result.renderable())


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return visible(text) if sys.stdout.isatty() else text


def _plain(text: str) -> str:
    # Errors name commands as a notebook has them; what a service says must not steer the terminal.
    return visible(text.replace("%polly_dockers", PROG), keep="\n\t")
