"""The parser of the whole command table: refuses with a `UsageError`, never by leaving the program."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from polly_magic.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from polly_magic.commands.command import Command

__all__ = ["Help", "Parser", "build_parser", "parse"]


class Help(Exception):  # noqa: N818 - no error: the text that was asked for, on its way out of the parser
    """Somebody asked for a text (``--help``, ``--version``) instead of a run."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _ShowHelp(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        raise Help(parser.format_help())


class _ShowVersion(argparse.Action):
    def __call__(self, *_: Any) -> NoReturn:
        from importlib.metadata import version

        raise Help(f"polly-magic {version('polly-magic')}\n")


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `UsageError` and `Help` where argparse would leave the program."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            **settings,
            add_help=False,
            allow_abbrev=False,  # a flag added later must not change what a notebook means
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("--help", "-h", action=_ShowHelp, nargs=0, default=argparse.SUPPRESS, help="show this help")

        self.verbatim: str | None = None
        """Attribute for the list of what follows ``--``, just as it was given; None where nothing may follow."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride] - the overloads say no more
        """Read the words, and set aside what follows ``--`` where the command takes that.

        argparse alone would look for flags before it knows where the positional arguments end.
        """
        if self.verbatim is None:
            return super().parse_known_args(args, namespace)
        words = list(args)
        at = words.index("--") if "--" in words else len(words)
        found, rest = super().parse_known_args(words[:at], namespace)
        setattr(found, self.verbatim, words[at + 1 :])
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`; the remedy is this parser's own help."""
        raise UsageError(f"{self.prog}: {message}.", f"See {self.prog} --help")

    def flags(self) -> list[str]:
        """Return the flags that this parser takes."""
        return [*self._option_string_actions]

    def actions(self) -> list[argparse.Action]:
        """Return what was declared on this parser, in order."""
        return [*self._actions]


def build_parser(commands: Mapping[str, Command], prog: str, *, terminal: bool = False) -> Parser:
    """Make the parser of all commands.

    Parameters
    ----------
    commands : mapping
        Commands by name.
    prog : str
        How the face is called: ``%polly_dockers`` or ``polly-dockers``.
    terminal : bool, optional
        Add what only a terminal takes: ``--version``, and ``--json`` and ``--csv`` on every command.
    """
    parser = Parser(
        prog=prog,
        description="Docker repositories on Polly: list, pull, run and push by commit.",
        epilog=f'completion with the tab key: eval "$({prog} completion bash)" (or zsh, or fish)' if terminal else None,
    )
    _add_debug(parser)
    if terminal:
        parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version")
    parser.set_defaults(debug=False, form=None, command=None)
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    for name, command in commands.items():
        examples = "\n".join(f"  {prog} {line}" for line in command.example.splitlines())
        verb = verbs.add_parser(
            name,
            prog=f"{prog} {name}",
            help=command.summary,
            description=command.summary,
            epilog=f"example:\n{examples}",
        )
        command.add_arguments(verb)
        _add_debug(verb)
        if terminal:
            _add_forms(verb)
    return parser


def parse(words: Sequence[str], commands: Mapping[str, Command], prog: str, *, terminal: bool = False) -> Any:
    """Read one command.

    Returns
    -------
    argparse.Namespace
        With `command`, `debug`, `form` ("json", "csv" or None) and what the command declared.

    Raises
    ------
    UsageError
        Naming what was wrong, and for an unknown command or flag what comes close to it.
    Help
        If a help text or the version was asked for, or there is no command at all.
    """
    first = next((word for word in words if not word.startswith("-")), None)
    if first is not None and first not in commands:
        raise UsageError(
            f"{prog} has no command {first!r}{_close(first, commands)}.",
            f"Commands: {', '.join(commands)}. See {prog} --help",
        )
    # The parser of one command knows all that one line can hold.
    parser = build_parser(commands if first is None else {first: commands[first]}, prog, terminal=terminal)
    try:
        namespace, rest = parser.parse_known_args(words)
    except UsageError as error:
        if unknown := _unknown_flag(words, parser, first):
            raise unknown from error
        raise
    if rest:
        verb = _parser_of(parser, first)
        raise _unknown_flag(words, parser, first) or UsageError(
            f"{verb.prog} does not take {rest[0]!r}.", f"See {verb.prog} --help"
        )
    if namespace.command is None:
        raise Help(parser.format_help())
    return namespace


def _add_debug(parser: Parser) -> None:
    # Suppressed, so that a verb's parser does not take back what stood before the verb.
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks of errors")


def _add_forms(parser: Parser) -> None:
    forms = parser.add_mutually_exclusive_group()
    for form in ("json", "csv"):
        forms.add_argument(
            f"--{form}",
            action="store_const",
            dest="form",
            const=form,
            default=argparse.SUPPRESS,
            help=f"print {form.upper()}",
        )


def _parser_of(parser: Parser, name: str | None) -> Parser:
    for action in parser.actions():
        if isinstance(action, argparse._SubParsersAction) and name is not None:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - argparse names it nowhere else
            return action.choices[name]
    return parser


def _unknown_flag(words: Sequence[str], parser: Parser, name: str | None) -> UsageError | None:
    verb = _parser_of(parser, name)
    known = {*verb.flags(), *parser.flags()}
    for word in words:
        if word == "--":
            break
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            return UsageError(f"{verb.prog} has no flag {flag!r}{_close(flag, known)}.", f"See {verb.prog} --help")
    return None


def _close(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.7)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
