"""A face that keeps what commands say, and answers what it was told to."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from polly_magic.commands import COMMANDS, parse
from polly_magic.progress import Bars
from polly_magic.redaction import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class RecordingFace:
    acts_at_once: bool = True
    secret: str = ""
    notes: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def ask_secret(self, prompt: str) -> Secret:
        self.prompts.append(prompt)
        return Secret(self.secret)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def write(self, text: str) -> None:
        self.written.append(text)

    @contextmanager
    def progress(self, title: str) -> Iterator[Bars]:
        self.titles.append(title)
        yield Bars(title, None)

    def put_cell(self, text: str) -> None:
        self.cells.append(text)


def run(face: RecordingFace, *words: str) -> Any:
    arguments = parse(words, COMMANDS, "%polly_dockers")
    return COMMANDS[arguments.command].run(arguments, face)
