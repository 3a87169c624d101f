"""Patterns for what differs in every run, in nbval's own form: a line ``regex: ...``, below it ``replace: ...``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from polly_magic.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OWN_PATTERNS", "read_patterns"]

OWN_PATTERNS = "regex: (?m)^This kernel runs in \\S+, as the notebook needs\\.$\nreplace: <the pin's line>\n"
"""The pin's line names a digest; a notebook in a newer image is no different for that."""

_REGEX, _REPLACE = "regex: ", "replace: "


def read_patterns(path: Path) -> str:
    """Read a file of patterns, and see that nbval will take each.

    Raises
    ------
    UsageError
        There is no such file, or a line in it is wrong.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a zero byte in the path
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"The file of patterns {str(path)!r} cannot be read: {reason}.", "Name another one: --sanitize FILE"
        ) from error
    for number, (line, below) in enumerate(zip(lines, [*lines, ""][1:], strict=True), 1):
        if line.startswith(_REGEX):
            if not below.startswith(_REPLACE):
                raise _wrong(path, number, "a regex needs a line 'replace: ...' right below it")
            try:
                re.compile(line.removeprefix(_REGEX)).sub(below.removeprefix(_REPLACE), "")
            except (re.error, IndexError) as error:
                raise _wrong(path, number, f"{error} in {line!r} with {below!r}") from error
        elif line.startswith(_REPLACE) and not (number > 1 and lines[number - 2].startswith(_REGEX)):
            raise _wrong(path, number, "a replace needs a line 'regex: ...' right above it")
    if not any(line.startswith(_REGEX) for line in lines):
        raise UsageError(
            f"The file of patterns {str(path)!r} has none.", "A pattern is a line regex: ..., and below it replace: ..."
        )
    return "\n".join(lines) + "\n"


def _wrong(path: Path, number: int, reason: str) -> UsageError:
    return UsageError(f"{path}, line {number}: {reason}.", "Put that right, then try again.")
