"""What can stand next in a command line: one source of candidates for IPython and for the shells.

Commands, flags and choices come from the command table; names, tags and digests from the service, within two seconds
and in silence where it does not answer. An argument says by its metavar what it takes: ``NAME`` a repository, ``TAG``
a tag, ``REF`` a repository with a tag or digest, ``KERNEL`` an installed kernel.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from polly_magic.commands import COMMANDS, Parser, build_parser
from polly_magic.commands.names import repository
from polly_magic.errors import PollyError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from polly_magic.api import Client

__all__ = ["candidates", "complete_in_shell", "shell_script"]

_PATIENCE = 2.0
_FRESH = 15.0
_LIMIT = 500
_SHELLS = ("bash", "zsh", "fish")
_HELP = """\
usage: polly-dockers completion bash|zsh|fish

Print what a shell reads to complete polly-dockers with the tab key.

example:
  eval "$(polly-dockers completion bash)"
  polly-dockers completion fish | source
"""
_cache: dict[tuple[str, ...], tuple[float, list[str]]] = {}


def candidates(words: Sequence[str], prefix: str, *, terminal: bool = False) -> list[str]:
    """Return what the word that starts with `prefix` can be.

    Parameters
    ----------
    words : sequence of str
        The words before it, without the program.
    prefix : str
        What is written of it.
    terminal : bool, optional
        With what only a terminal takes.

    Examples
    --------
    >>> candidates([], "c")
    ['create', 'commit-list']
    >>> candidates(["commit-list", "--status"], "")
    ['active', 'inactive']
    """
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None:
        parser = build_parser(COMMANDS, "", terminal=terminal)
        own = ["completion"] if terminal else []
        return _starting(prefix, [*parser.flags()] if prefix.startswith("-") else [*COMMANDS, *own])
    if terminal and name == "completion":
        return _starting(prefix, _SHELLS)
    if name not in COMMANDS or "--" in words:
        return []
    parser = Parser(prog="")
    COMMANDS[name].add_arguments(parser)
    rest = words[[*words].index(name) + 1 :]
    return _arguments(parser, rest, prefix, ["--debug", *(["--json", "--csv"] if terminal else [])])


def _arguments(parser: Parser, words: Sequence[str], prefix: str, shared: list[str]) -> list[str]:
    flags = {flag: action for action in parser.actions() for flag in action.option_strings}
    flag, equals, value = prefix.partition("=")
    if equals and flag in flags:
        return [f"{flag}={found}" for found in _values(flags[flag], words, value)]
    before = flags.get(words[-1]) if words else None
    if before is not None and before.nargs != 0:
        return _values(before, words, prefix)
    if prefix.startswith("-"):
        return _starting(prefix, [flag for flag in (*flags, *shared) if flag not in words])
    positionals = [action for action in parser.actions() if not action.option_strings]
    taken = sum(
        not word.startswith("-") and not (at and _takes_value(flags.get(words[at - 1])))
        for at, word in enumerate(words)
    )
    if taken < len(positionals):
        return _values(positionals[taken], words, prefix)
    if positionals and positionals[-1].nargs in ("+", "*"):
        return _values(positionals[-1], words, prefix)
    return [] if prefix else [flag for flag in flags if flag.startswith("--") and flag not in words]


def _takes_value(action: argparse.Action | None) -> bool:
    return action is not None and action.nargs != 0


def _values(action: argparse.Action, words: Sequence[str], prefix: str) -> list[str]:
    if action.choices is not None:
        return _starting(prefix, map(str, action.choices))
    metavar = str(action.metavar)
    if metavar == "KERNEL" or (metavar.endswith("|KERNEL") and "remove" in words):
        return _starting(prefix, _kernels())
    try:
        if metavar.startswith(("REF", "REPOSITORY")):
            return _references(prefix)
        if metavar == "NAME":
            return _repositories(prefix)
        if metavar == "TAG" and (name := _named(words)):
            return _starting(prefix, _tags(name))
    except PollyError:
        pass  # nobody asked for an error in the middle of a line
    return []


def _named(words: Sequence[str]) -> str | None:
    """Return the repository whose tags are asked for: behind ``--name``, or the word that stands for itself."""
    if "--name" in words[:-1]:
        return words[[*words].index("--name") + 1]
    pairs = zip(("", *words), words, strict=False)
    return next((word for before, word in pairs if not (before.startswith("-") or word.startswith("-"))), None)


def _references(prefix: str) -> list[str]:
    name, at, digest = prefix.partition("@")
    if at:
        name_alone = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        known = _digests(name_alone)
        short = [found.partition(":")[2] for found in known]
        return [f"{name}@{found}" for found in _starting(digest, known) or _starting(digest, short)]
    if ":" in prefix.rpartition("/")[2]:
        name, _, tag = prefix.rpartition(":")
        return [f"{name}:{found}" for found in _starting(tag, _tags(name))]
    return _repositories(prefix)


def _repositories(prefix: str) -> list[str]:
    def ask(client: Client) -> list[str]:
        own = client.user.organization
        rows: list[str] = []
        for row in client.repositories(limit=_LIMIT):
            path = row.path.removeprefix(f"{client.registry}/")
            rows.append("\n".join((path.removeprefix(f"{own}/"), path, row.path)))
        return rows

    # The shortest way to write it that goes on as the prefix does.
    forms = (row.split("\n") for row in _ask(ask, "repositories"))
    return [found[0] for row in forms if (found := _starting(prefix, row))]


def _kernels() -> list[str]:
    from polly_magic.kernels.specs import find_specs

    return [spec.name for spec in find_specs()]


def _tags(name: str) -> list[str]:
    def ask(client: Client) -> list[str]:
        rows = client.commits(repository(name, client).path, status="active", limit=_LIMIT)
        return [row.tag for row in rows]

    return _ask(ask, "tags", name)


def _digests(name: str) -> list[str]:
    def ask(client: Client) -> list[str]:
        rows = client.commits(repository(name, client).path, limit=_LIMIT)
        return [*dict.fromkeys(row.commit_hash for row in rows)]

    return _ask(ask, "digests", name)


def _ask(call: Callable[[Client], list[str]], *what: str) -> list[str]:
    from polly_magic.settings import current_login

    login = current_login()
    key = (login.service.api_url, *what)
    kept = _cache.get(key)
    if kept and time.monotonic() - kept[0] < _FRESH:
        return kept[1]
    from polly_magic.api import Client

    try:
        with Client(login, patience=_PATIENCE) as client:
            answer = call(client)
    except PollyError:
        answer = []
    _cache[key] = (time.monotonic(), answer)
    return answer


def _starting(prefix: str, words: Sequence[str] | map[str]) -> list[str]:
    return [word for word in words if word.startswith(prefix)]


def complete_in_shell() -> None:
    """Answer the shell's completion, where it is that which started the program, and leave."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    from argcomplete.finders import CompletionFinder

    class Finder(CompletionFinder):
        # Argcomplete knows the shells' ways of splitting and quoting; the candidates are ours.
        def _get_completions(
            self, comp_words: list[str], cword_prefix: str, cword_prequote: str, last_wordbreak_pos: int | None
        ) -> list[str]:
            found = candidates(comp_words[1:], cword_prefix, terminal=True)
            return self.quote_completions(found, cword_prequote, last_wordbreak_pos)

    Finder()(build_parser({}, "polly-dockers"))


def shell_script(words: Sequence[str]) -> str:
    """Return what a shell reads to complete ``polly-dockers``; the help if that is asked for.

    Raises
    ------
    UsageError
        If this is no shell that we know.
    """
    if [*words] in (["--help"], ["-h"]):
        return _HELP
    if len(words) != 1 or words[0] not in _SHELLS:
        raise UsageError(
            f"completion takes one of {', '.join(_SHELLS)}, not {' '.join(words)!r}.",
            "See polly-dockers completion --help",
        )
    from argcomplete.shell_integration import shellcode

    return shellcode(["polly-dockers"], shell=words[0])
