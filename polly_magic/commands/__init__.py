"""The command table: every verb of ``%polly_dockers`` and ``polly-dockers``, declared once.

A verb is a module with a `COMMAND`. It is imported when it is first asked for, so that one verb costs nothing to the
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from polly_magic.commands.command import Command, Face, Judgement, Picture, Progress, Result
from polly_magic.commands.parser import Help, Parser, build_parser, parse

__all__ = [
    "COMMANDS", "Command", "Face", "Help", "Judgement", "Parser", "Picture", "Progress", "Result", "build_parser",
    "parse",
]  # fmt: skip


class _Table(Mapping[str, Command]):
    """Commands by name, in the order of the help."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Command:
        if name not in self._names:
            raise KeyError(name)
        command = import_module(f"{__name__}.{name.replace('-', '_')}").COMMAND
        if not isinstance(command, Command):
            raise TypeError(f"{name}: COMMAND is no Command")
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


COMMANDS: Mapping[str, Command] = _Table(
    "login", "logout", "create", "update", "list", "commit-list", "history", "panel", "pull", "push", "run", "pin",
    "pins", "require", "kernel", "reproduce", "job-json", "serve", "accounts",
)  # fmt: skip
