"""Docker's grammar of references, read from left to right, with the position of what does not belong.

The grammar is Docker's (``distribution/reference``), which the OCI distribution specification shares::

    reference  = [host "/"] path [":" tag] ["@" digest]       host/path: at most 255 characters
    host       = (label *("." label) / "[" IPv6 "]") [":" digits]
    path       = component *("/" component)
    component  = [a-z0-9]+ (("." / "_" / "__" / "-"+) [a-z0-9]+)*
    tag        = [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
    digest     = "sha256:" 64 / "sha512:" 128 lower-case hexadecimal digits

The first part is a host only if a slash follows and it has a dot or a port, or is ``localhost``.
"""

from __future__ import annotations

import re
import string
import unicodedata
from typing import NoReturn

from polly_magic.errors import InvalidReference

__all__ = ["DIGEST", "FOLD", "NAME_LENGTH", "PATH", "SHORT_LENGTH", "TAG", "Reader"]

NAME_LENGTH = 255
_TAG_LENGTH = 128
_HEX_LENGTHS = {"sha256": 64, "sha512": 128}
SHORT_LENGTH = 7

_LABELS = re.compile(r"[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*")
PATH = re.compile(r"[a-z0-9]+(?:(?:__|[._/]|-+)[a-z0-9]+)*")
TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{_TAG_LENGTH - 1}}}")
DIGEST = re.compile("|".join(f"{algorithm}:[0-9a-f]{{{n}}}" for algorithm, n in _HEX_LENGTHS.items()))

_STARTS_WITH_HOST = re.compile(r"\[|(?=[^/@:]*\.|localhost[:/]|[^/@:]*:[0-9]+/)[^/@]*/")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?=//)")
_IPV6 = re.compile(r"\[[0-9a-f:]*")
_ALGORITHM = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:")
_LABEL_SEPARATOR = re.compile(r"\.|-+")
_PATH_SEPARATOR = re.compile(r"__|[._/]|-+")
_TAG_CHARACTER = re.compile(r"[A-Za-z0-9_.-]")
_DIGITS = re.compile(r"[0-9]+")
_HEX = re.compile(r"[0-9a-f]+")
_PART_OF_ALGORITHM = re.compile("|".join(name[:n] for n in range(6, 0, -1) for name in _HEX_LENGTHS))

# str.lower() would turn the Kelvin sign into a k.
FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Reader:
    """Reads a text from left to right, and knows the position of what it refuses.

    Text that a person typed may have white space around it and upper case in its name.
    """

    def __init__(self, text: str, *, typed: bool = False) -> None:
        self.text = text
        self.name_text = text.translate(FOLD) if typed else text
        self.at = len(text) - len(text.lstrip(string.whitespace)) if typed else 0
        self.end = len(text.rstrip(string.whitespace)) if typed else len(text)

    @property
    def at_end(self) -> bool:
        """Whether all of the text is read."""
        return self.at >= self.end

    def host(self) -> str:
        """Host and the slash after it; nothing if the text starts with a path."""
        start = self.at
        if scheme := self._take(_SCHEME, self.name_text):
            self.fail(f"a reference has no scheme, leave out '{scheme}//'")
        if not _STARTS_WITH_HOST.match(self.name_text, self.at, self.end):
            return ""
        if address := self._take(_IPV6, self.name_text):
            if ":" not in address or not self.take_mark("]"):
                self.refuse("a hexadecimal digit or ':' of an IPv6 address, or the ']' after it,")
        elif not self._take(_LABELS, self.name_text) or self._take(_LABEL_SEPARATOR, self.name_text):
            self.refuse("a letter or digit")
        if self.take_mark(":") and not self._take(_DIGITS):
            self.refuse("a digit of the port")
        host = self.name_text[start : self.at]
        if not self.take_mark("/"):
            self.refuse("a character of the host, or the slash after it,")
        return host

    def path(self) -> str:
        """Path of a repository."""
        path = self._take(PATH, self.name_text)
        if not path or self._take(_PATH_SEPARATOR, self.name_text):
            self.refuse("a lower-case letter or digit")
        return path

    def tag(self) -> str:
        """Tag."""
        tag = self._take(TAG)
        if not tag:
            self.refuse("a tag")
        if not self.at_end and _TAG_CHARACTER.match(self.text, self.at):
            self.fail(f"a tag has at most {_TAG_LENGTH} characters")
        return tag

    def digest(self) -> tuple[str | None, str | None]:
        """Full digest or else short digest, to the end of the text."""
        start = self.at
        algorithm = self._take(_ALGORITHM)[:-1] or "sha256"
        if algorithm not in _HEX_LENGTHS:
            self.at = start
            self.fail(f"a digest is made with {' or '.join(_HEX_LENGTHS)}, not with {algorithm}")
        length = _HEX_LENGTHS[algorithm]
        digits = self._take(_HEX)
        if not digits:
            if self.at == start:
                self._take(_PART_OF_ALGORITHM)
            self.refuse("a digest, as in sha256:5747316,")
        if len(digits) > length:
            self.at += length - len(digits)
            self.fail(f"a {algorithm} digest has {length} hexadecimal digits, not {len(digits)}")
        self.finish("a digit of the digest (0-9, a-f)")
        if len(digits) == length:
            return f"{algorithm}:{digits}", None
        if algorithm != "sha256" or len(digits) < SHORT_LENGTH:
            shortened = f", or at least {SHORT_LENGTH} if shortened" if algorithm == "sha256" else ""
            self.fail(f"a {algorithm} digest has {length} hexadecimal digits{shortened}, not {len(digits)}")
        return None, digits

    def sees(self, mark: str) -> bool:
        """Whether a mark comes next."""
        return self.text.startswith(mark, self.at, self.end)

    def take_mark(self, mark: str) -> bool:
        """Take a mark if it comes next; return whether it did."""
        seen = self.sees(mark)
        self.at += len(mark) if seen else 0
        return seen

    def finish(self, expected: str) -> None:
        """Refuse whatever is left, where something `expected` could stand."""
        if not self.at_end:
            self.refuse(expected)

    def limit_name(self, start: int, name: str) -> None:
        """Refuse a name that is too long, at the first character that is too many."""
        excess = len(name) - NAME_LENGTH
        if excess > 0:
            self.at = max(start, self.at - excess)
            self.fail(f"host and path together have at most {NAME_LENGTH} characters, not {len(name)}")

    def refuse(self, expected: str) -> NoReturn:
        """Refuse what comes next, where something `expected` should stand."""
        if self.at_end:
            self.fail(f"{expected} is missing")
        character = self.text[self.at]
        shown = repr(character)
        if not character.isascii():
            shown += f" (U+{ord(character):04X} {unicodedata.name(character, 'without a name')})"
        self.fail(f"{shown} stands where {expected} should be")

    def fail(self, reason: str) -> NoReturn:
        """Raise `InvalidReference` at this position."""
        raise InvalidReference(self.text, len(self.text) if self.at_end else self.at, reason)

    def _take(self, pattern: re.Pattern[str], text: str | None = None) -> str:
        match = pattern.match(self.text if text is None else text, self.at, self.end)
        if not match:
            return ""
        self.at = match.end()
        return match.group()
