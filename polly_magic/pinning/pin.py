"""A pin, its line in a cell, and its record in a notebook's metadata."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from polly_magic.errors import InvalidReference
from polly_magic.references import is_digest, is_tag, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polly_magic.models import Commit

__all__ = ["KEY", "SCHEMA", "Pin", "from_line", "from_record", "new_pin", "replace_lines"]

KEY = "polly"
"""The one key of ours in a notebook's metadata."""

SCHEMA = 1

_LINE = re.compile(r"^[ \t]*%polly_dockers[ \t]+require[ \t]+(?P<words>[^\r\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pin:
    """The image that a notebook needs.

    Parameters
    ----------
    image : str
        Full path of the repository, ``host/organisation/name``.
    digest : str
        Of the manifest or index: the pin itself. Everything below is for the reader.
    tag : str, optional
        The tag that had this digest when it was pinned; what ``--update`` follows.
    pinned_on : str, optional
        Day, ``2026-11-23``, in UTC.
    pinned_at : datetime, optional
        With time zone UTC.
    pinned_by : str, optional
        E-mail.
    platform : str, optional
        Such as ``linux/amd64``; None for an image of several platforms.
    """

    image: str
    digest: str
    tag: str | None = None
    pinned_on: str | None = None
    pinned_at: datetime | None = None
    pinned_by: str | None = None
    platform: str | None = None

    @property
    def reference(self) -> str:
        """Path and digest, as Docker takes it."""
        return f"{self.image}@{self.digest}"

    def line(self) -> str:
        """Return the line of the notebook.

        Examples
        --------
        >>> print(Pin("localhost/elucidata/16june", "sha256:" + 64 * "5", "latest", "2026-11-23").line())
        ... # doctest: +ELLIPSIS
        %polly_dockers require localhost/elucidata/16june@sha256:555... --tag latest --pinned 2026-11-23
        """
        words = ["%polly_dockers require", self.reference]
        words += ["--tag", self.tag] if self.tag else []
        words += ["--pinned", self.pinned_on] if self.pinned_on else []
        return " ".join(words)

    def record(self) -> dict[str, Any]:
        """Return what stands in the metadata."""
        return {
            "schema": SCHEMA,
            "image": self.image,
            "tag": self.tag,
            "digest": self.digest,
            "platform": self.platform,
            "pinned_at": self.pinned_at and f"{self.pinned_at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
            "pinned_by": self.pinned_by,
        }


def new_pin(commit: Commit, by: str, now: datetime | None = None) -> Pin:
    """Pin a commit.

    Parameters
    ----------
    commit : Commit
    by : str
        E-mail of whoever pins it.
    now : datetime, optional
    """
    now = (now or datetime.now(timezone.utc)).astimezone(timezone.utc).replace(microsecond=0)
    platform = commit.platforms[0] if len(commit.platforms) == 1 else None
    return Pin(commit.repository, commit.commit_hash, commit.tag, f"{now:%Y-%m-%d}", now, by, platform)


def from_line(source: str) -> Pin | None:
    r"""Return the pin of the first line in a cell that is one; None where there is none that can be read.

    Examples
    --------
    >>> from_line("%load_ext polly_magic\n%polly_dockers require localhost/a/b@sha256:" + 64 * "5" + " --tag v1").tag
    'v1'
    >>> from_line("import numpy") is None
    True
    """
    for match in _LINE.finditer(source):
        reference, flags = _read_words(match["words"])
        try:
            image = parse(reference)
        except InvalidReference:
            continue
        if image.digest:
            tag, day = flags.get("--tag") or image.tag, flags.get("--pinned")
            return Pin(image.repository, image.digest, tag if tag and is_tag(tag) else None, day)
    return None


def from_record(record: object) -> Pin | None:
    """Return the pin that a notebook's metadata has under `KEY`; None where that is none.

    Examples
    --------
    >>> pin = Pin("localhost/elucidata/16june", "sha256:" + 64 * "5", "latest")
    >>> from_record(pin.record()) == pin, from_record({"schema": 1})
    (True, None)
    """
    if not isinstance(record, dict):
        return None
    known = cast("Mapping[str, object]", record)
    image, digest = known.get("image"), known.get("digest")
    if not (isinstance(image, str) and isinstance(digest, str) and is_digest(digest)):
        return None
    when = _read_time(known.get("pinned_at"))
    tag = _text(known.get("tag"))
    return Pin(
        image,
        digest,
        tag if tag and is_tag(tag) else None,
        when and f"{when:%Y-%m-%d}",
        when,
        _text(known.get("pinned_by")),
        _text(known.get("platform")),
    )


def replace_lines(source: str, pin: Pin) -> str:
    """Put a pin's line in the place of each older one; a ``--warn`` of the older one stays.

    Examples
    --------
    >>> pin = Pin("localhost/a/b", "sha256:" + 64 * "5")
    >>> replace_lines("%polly_dockers require localhost/a/b@0000000 --warn", pin)[-17:]
    '5555555555 --warn'
    """

    def new_line(match: re.Match[str]) -> str:
        return pin.line() + (" --warn" if "--warn" in match["words"].split() else "")

    return _LINE.sub(new_line, source)


def _read_words(text: str) -> tuple[str, dict[str, str]]:
    try:
        words = shlex.split(text.rstrip().removesuffix(";"))
    except ValueError:
        words = text.split()
    reference, flags, waiting = "", dict[str, str](), ""
    for word in words:
        name, equals, value = word.partition("=")
        if waiting:
            flags[waiting], waiting = word, ""
        elif name in ("--tag", "--pinned"):
            flags[name], waiting = value, "" if equals else name
        elif not word.startswith("--"):
            reference = reference or word
    return reference, flags


def _read_time(value: object) -> datetime | None:
    try:
        # Python 3.10 knows no Z
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None
    return when.astimezone(timezone.utc) if when.tzinfo else when.replace(tzinfo=timezone.utc)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
