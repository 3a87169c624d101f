"""The command table in IPython: ``%polly_dockers``."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import StdinNotImplementedError
from IPython.core.magic import Magics, line_magic, magics_class, output_can_be_silenced

from polly_magic.commands import COMMANDS, Help, Picture, Progress, parse
from polly_magic.errors import NotLoggedIn, PollyError, UsageError
from polly_magic.matcher import matcher
from polly_magic.progress import notebook_bars
from polly_magic.redaction import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import pandas as pd
    from IPython.core.formatters import DisplayFormatter, HTMLFormatter
    from IPython.core.interactiveshell import InteractiveShell

    from polly_magic.panel import Panel

__all__ = ["PollyMagics", "load", "unload"]

PROG = "%polly_dockers"
_FRAMES = ("pandas.DataFrame", "pandas.core.frame.DataFrame")  # pandas 3 and 2


class _Notebook:
    """The face that commands see."""

    acts_at_once = False

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.panel: Panel | None = None

    def ask_secret(self, prompt: str) -> Secret:
        try:
            return Secret(getpass.getpass(prompt))
        except (StdinNotImplementedError, EOFError) as error:
            raise NotLoggedIn(
                "Nobody can be asked for the key here: this notebook runs without a front end.",
                "Log in beforehand, or set POLLY_API_KEY in the environment of the kernel.",
            ) from error

    def note(self, text: str) -> None:
        print(text)  # noqa: T201 - the cell's output

    def write(self, text: str) -> None:
        print(text, end="", flush=True)  # noqa: T201 - the cell's output

    def progress(self, title: str) -> AbstractContextManager[Progress]:
        return notebook_bars(title)

    def put_cell(self, text: str) -> None:
        self.shell.set_next_input(text)

    def show_panel(self) -> None:
        if not _has_front_end(self.shell):
            raise UsageError("The panel needs a notebook, and this is a terminal.", "See %polly_dockers --help")
        from polly_magic.panel import Panel

        self.panel = Panel()


class _Interrupted(KeyboardInterrupt):
    """An interruption whose traceback would tell nobody anything."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted."]


@magics_class
class PollyMagics(Magics):
    """The magics of polly-magic."""

    @line_magic
    @output_can_be_silenced
    def polly_dockers(self, line: str) -> Any:
        """Docker repositories on Polly: alone it shows the panel, ``%polly_dockers --help`` lists the commands.

        A listing is returned as a DataFrame: ``df = %polly_dockers list --all``.
        """
        words: list[str] = []
        face = _Notebook(cast("InteractiveShell", self.shell))
        try:
            words = _split(line) or (["panel"] if _has_front_end(face.shell) else [])
            arguments = parse(words, COMMANDS, PROG)
            result = COMMANDS[arguments.command].run(arguments, face)
        except Help as help_:
            print(help_.text, end="")  # noqa: T201 - the cell's output
            return None
        except PollyError as error:
            error.debug = "--debug" in words
            raise
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("polly_magic"):
                raise  # a mistake of ours
            # A kernel in a container brings this package along, and none of the libraries that most commands need.
            raise PollyError(
                f"This environment has no {error.name}, which %polly_dockers {' '.join(words[:1])} needs.",
                "Install polly-magic with all it needs: %pip install polly-magic",
            ) from error
        except KeyboardInterrupt as interrupt:
            raise _Interrupted from interrupt
        if result is None or isinstance(result, int):
            return face.panel or result
        return result.notebook() if isinstance(result, Picture) else result.frame()


def load(shell: InteractiveShell) -> None:
    """Add the magic, the completion and the display of our DataFrames to a shell."""
    shell.register_magics(PollyMagics)
    if matcher not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(matcher)
    formatter = _html_formatter(shell)
    # By name, so that pandas is not imported; a type that is there and has a formatter would go before its name.
    frame = getattr(sys.modules.get("pandas"), "DataFrame", None)
    for name in _FRAMES if frame is None else (f"{frame.__module__}.{frame.__name__}",):
        shown = _FrameHtml(_printer(formatter, name))
        if frame is None:
            formatter.for_type_by_name(*_split_name(name), shown)
        else:
            formatter.for_type(frame, shown)
    _find_helper()


def unload(shell: InteractiveShell) -> None:
    """Take away what `load` added."""
    magics = shell.magics_manager.magics["line"]
    if isinstance(getattr(magics.get("polly_dockers"), "__self__", None), PollyMagics):
        del magics["polly_dockers"]
    shell.magics_manager.registry.pop(PollyMagics.__name__, None)
    if matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(matcher)
    formatter = _html_formatter(shell)
    for name in _FRAMES:
        printer = _printer(formatter, name)
        if isinstance(printer, _FrameHtml):
            formatter.pop(name)
            if printer.before:
                formatter.for_type_by_name(*_split_name(name), printer.before)


class _FrameHtml:
    """Shows our DataFrames; every other one as it was shown `before`."""

    def __init__(self, before: Callable[[pd.DataFrame], str | None] | None) -> None:
        self.before = before

    def __call__(self, frame: pd.DataFrame) -> str | None:
        from polly_magic.frames import html

        if ours := html(frame):
            return ours
        if self.before:
            return self.before(frame)
        return frame._repr_html_()  # pyright: ignore - IPython's protocol


def _has_front_end(shell: InteractiveShell) -> bool:
    # A kernel has one, or may get one; IPython in a terminal has not.
    return hasattr(shell, "kernel")


def _split(line: str) -> list[str]:
    line = line.rstrip().removesuffix(";")  # IPython silences the value, and leaves the mark to us
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{line!r} cannot be read: {error}.", "Close every quote that is opened.") from error


def _html_formatter(shell: InteractiveShell) -> HTMLFormatter:
    return cast("DisplayFormatter", shell.display_formatter).formatters["text/html"]


def _split_name(name: str) -> tuple[str, str]:
    module, _, kind = name.rpartition(".")
    return module, kind


def _printer(formatter: HTMLFormatter, name: str) -> Any:
    try:
        return formatter.lookup_by_type(name)
    except KeyError:
        return None


def _find_helper() -> None:
    # A kernel often runs in an environment that nobody activated: Docker, started from a cell, would not find
    # docker-credential-polly there. At the end of PATH it takes nothing's place.
    scripts = sysconfig.get_path("scripts")
    if shutil.which("docker-credential-polly") is None and Path(scripts, "docker-credential-polly").exists():
        os.environ["PATH"] = os.pathsep.join(filter(None, (os.environ.get("PATH"), scripts)))
