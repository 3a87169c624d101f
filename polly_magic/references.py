"""References to images, ``host/organisation/name[:tag][@digest]``: read, check, complete, write.

People may write less than the grammar of `grammar`: `parse` puts in the host and organisation that are left out, takes
a digest shortened to seven or more digits, and folds upper case in a name, which it says in a note.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from polly_magic.errors import Ambiguous, InvalidReference, NotFound
from polly_magic.grammar import DIGEST, FOLD, NAME_LENGTH, PATH, SHORT_LENGTH, TAG, Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "IMAGE_VARIABLE",
    "Reference",
    "is_digest",
    "is_name",
    "is_tag",
    "parse",
    "parse_repository",
    "resolve_digest",
    "short_digest",
    "validate_digest",
    "validate_name",
    "validate_tag",
]

IMAGE_VARIABLE = "POLLY_IMAGE"
"""Tells a process in a container of ours which image it runs in, ``PATH@DIGEST``."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image, or a repository where neither tag nor digest is given.

    Parameters
    ----------
    host : str
        Such as ``"docker.polly.elucidata.io"`` or ``"127.0.0.1:5005"``; empty where none is known.
    path : str
        Such as ``"elucidata/docker_demo/cache"``.
    tag : str, optional
    digest : str, optional
        Full digest; it wins over the tag.
    short_digest : str, optional
        Seven or more hexadecimal digits, for `resolve_digest`. Never together with `digest`.
    note : str, optional
        What was changed in the text as given, for the user to read. Does not count in comparisons.

    Examples
    --------
    >>> reference = parse("elucidata/docker_demo/cache:v1", host="docker.polly.elucidata.io")
    >>> reference.organization, reference.name, reference.tag
    ('elucidata', 'docker_demo/cache', 'v1')
    >>> print(reference)
    docker.polly.elucidata.io/elucidata/docker_demo/cache:v1
    """

    host: str
    path: str
    tag: str | None = None
    digest: str | None = None
    short_digest: str | None = None
    note: str | None = field(default=None, compare=False)

    @property
    def organization(self) -> str:
        """First component of the path, empty if it is the only one."""
        return self.path.rpartition("/")[0].partition("/")[0]

    @property
    def name(self) -> str:
        """The path after the organisation."""
        first, _, rest = self.path.partition("/")
        return rest or first

    @property
    def repository(self) -> str:
        """Host and path."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def shortened(self) -> str:
        """Return host, path and the first digits of the digest: enough for our commands, and for a line of a screen.

        Examples
        --------
        >>> parse("localhost/elucidata/16june:latest@sha256:" + 64 * "5").shortened()
        'localhost/elucidata/16june@5555555'
        """
        return f"{self.repository}@{short_digest(self.digest)}" if self.digest else str(self)

    def with_tag(self, tag: str | None) -> Reference:
        """Put another tag, or none.

        Examples
        --------
        >>> print(parse("elucidata/16june:latest").with_tag("v2"))
        elucidata/16june:v2
        """
        if tag is not None:
            validate_tag(tag)
        return replace(self, tag=tag)

    def with_digest(self, digest: str | None) -> Reference:
        """Put another full digest, or none, and drop a short one.

        Examples
        --------
        >>> print(parse("elucidata/16june@5747316").with_digest(None))
        elucidata/16june
        """
        if digest is not None:
            validate_digest(digest)
        return replace(self, digest=digest, short_digest=None)

    def __str__(self) -> str:
        digest = self.digest or self.short_digest
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{digest}" if digest else "")


def parse(text: str, *, host: str = "", organization: str = "") -> Reference:
    """Read a reference as people write it.

    Parameters
    ----------
    text : str
        A name, ``organisation/name`` or a full path, perhaps with a tag and a digest. White space around it is
        left out. The digest may be shortened to seven digits, and do without its ``sha256:``.
    host : str, optional
        Host to put in where the text has none.
    organization : str, optional
        Organisation to put in where the text is a name alone.

    Raises
    ------
    InvalidReference
        With the position of the first character of `text` that cannot stand there.

    Examples
    --------
    >>> print(parse("16june:latest", host="docker.polly.elucidata.io", organization="elucidata"))
    docker.polly.elucidata.io/elucidata/16june:latest
    >>> parse("elucidata/16June@sha256:5747316").note
    'Upper case is folded: elucidata/16June -> elucidata/16june'
    >>> parse("16june:")
    Traceback (most recent call last):
    polly_magic.errors.InvalidReference: This is no image reference: a tag is missing (position 7).
      16june:
             ^
    A reference looks like 16june, elucidata/16june:latest or elucidata/16june@sha256:5747316b...
    """
    reader = Reader(text, typed=True)
    repository = _read_repository(reader, host, organization)
    tag = reader.tag() if reader.take_mark(":") else None
    digest = short = None
    if reader.take_mark("@"):
        digest, short = reader.digest()
    reader.finish("a letter, digit, '.', '_', '-' or '@'")
    return replace(repository, tag=tag, digest=digest, short_digest=short)


def parse_repository(text: str, *, host: str = "", organization: str = "") -> Reference:
    """Read a repository as `parse` does, and refuse a tag or digest.

    Examples
    --------
    >>> print(parse_repository("16june", organization="elucidata"))
    elucidata/16june
    >>> parse_repository("16june:latest")
    Traceback (most recent call last):
    polly_magic.errors.InvalidReference: This is no image reference: a repository has no tag (position 6).
      16june:latest
            ^
    A reference looks like 16june, elucidata/16june:latest or elucidata/16june@sha256:5747316b...
    """
    reader = Reader(text, typed=True)
    repository = _read_repository(reader, host, organization)
    for mark, part in {":": "tag", "@": "digest"}.items():
        if reader.sees(mark):
            reader.fail(f"a repository has no {part}")
    return repository


def validate_name(name: str) -> None:
    """Raise `InvalidReference` if this is no path of a repository, without host.

    Examples
    --------
    >>> validate_name("docker_demo/cache")
    """
    reader = Reader(name)
    reader.path()
    reader.finish("a letter, digit, '.', '_', '-' or '/'")
    reader.limit_name(0, name)


def validate_tag(tag: str) -> None:
    """Raise `InvalidReference` if this is no tag.

    Examples
    --------
    >>> validate_tag("v1.0_RC-1")
    """
    reader = Reader(tag)
    reader.tag()
    reader.finish("a letter, digit, '.', '_' or '-'")


def validate_digest(digest: str) -> None:
    """Raise `InvalidReference` if this is no full digest.

    Examples
    --------
    >>> validate_digest("sha256:" + 64 * "0")
    """
    reader = Reader(digest)
    full, _ = reader.digest()
    if full is None:
        reader.refuse("the rest of the digest")
    if full != digest:
        raise InvalidReference(digest, 0, "a full digest starts with its algorithm, 'sha256:'")


def is_name(text: str) -> bool:
    """Whether this is a path of a repository, without host.

    Examples
    --------
    >>> is_name("docker_demo/cache"), is_name("Docker..demo")
    (True, False)
    """
    return len(text) <= NAME_LENGTH and PATH.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether this is a tag.

    Examples
    --------
    >>> is_tag("latest"), is_tag("-latest")
    (True, False)
    """
    return TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether this is a full digest.

    Examples
    --------
    >>> is_digest("sha256:" + 64 * "0"), is_digest("sha256:5747316")
    (True, False)
    """
    return DIGEST.fullmatch(text) is not None


def resolve_digest(short: str, known: Iterable[str]) -> str:
    """Find the one known digest that starts as given.

    Parameters
    ----------
    short : str
        Seven or more hexadecimal digits, with or without ``sha256:``; or a full digest.
    known : iterable of str
        Full digests to choose from; the same one several times counts once.

    Raises
    ------
    NotFound
        If no known digest starts so.
    Ambiguous
        If several do.

    Examples
    --------
    >>> resolve_digest("0000000", ["sha256:" + 64 * "0", "sha256:" + 64 * "1"]) == "sha256:" + 64 * "0"
    True
    """
    full, _ = Reader(short).digest()
    start = full or short
    wanted = re.compile(start if ":" in start else f"[^:]*:{start}")
    found = [digest for digest in dict.fromkeys(known) if wanted.match(digest)]
    if not found:
        raise NotFound(f"No commit has the digest {short!r}.", "See %polly_dockers commit-list --name NAME --all")
    if len(found) > 1:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise Ambiguous(
            f"{short!r} fits {len(found)} commits: {', '.join(found[:5])}{more}.", "Give more digits of the digest."
        )
    return found[0]


def short_digest(digest: str) -> str:
    """First digits of a digest, for display.

    Examples
    --------
    >>> short_digest("sha256:5747316366b8cc9e3021cd7286f42b2d6d81e3d743e2ab571f55bcd5df788cc8")
    '5747316'
    """
    return digest.partition(":")[2][:SHORT_LENGTH]


def _read_repository(reader: Reader, host: str, organization: str) -> Reference:
    start = reader.at
    given_host = reader.host()
    path = reader.path()
    defaults: list[str] = []
    if not given_host and organization and "/" not in path:
        defaults.append(organization)
        validate_name(organization.translate(FOLD))
        path = f"{organization.translate(FOLD)}/{path}"
    if not given_host and host:
        defaults.append(host)
        given_host = _fold_host(host)
    reference = Reference(given_host, path)
    if not (reader.at_end or reader.sees(":") or reader.sees("@")):
        reader.refuse("a letter, digit, '.', '_', '-', '/', ':' or '@'")
    reader.limit_name(start, reference.repository)
    written = [*defaults, reader.text[start : reader.at]]
    folded = [f"{text} -> {text.translate(FOLD)}" for text in written if text != text.translate(FOLD)]
    return replace(reference, note=f"Upper case is folded: {', '.join(folded)}") if folded else reference


def _fold_host(host: str) -> str:
    reader = Reader(f"{host.translate(FOLD)}/")
    folded = reader.host()
    if not folded:
        reader.fail("a host has a dot or a port, or is localhost")
    reader.finish("the end of the host")
    return folded
