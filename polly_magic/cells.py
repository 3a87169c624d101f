"""The text of pull and run cells, for a reader who has Docker and IPython and nothing of ours.

IPython rewrites a line that starts with ``!``: it puts Python's values in for ``{x}`` and ``$x``, and ends at the
line's end. So arguments with such characters go into an ``%%sh`` cell, which it hands to the shell untouched.
"""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from polly_magic.errors import InvalidReference, ServiceFailure, UsageError
from polly_magic.references import IMAGE_VARIABLE, Reference, is_digest, parse_repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polly_magic.models import Commit

__all__ = ["pull_cell", "run_cell"]

# Letters, digits and the punctuation that neither Python's tokens, IPython nor an editor of cells makes anything of.
_PLAIN = re.compile(r"[\w ,.:;/@%+=~^*?!#&|<>()\[\]-]*")
_CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def pull_cell(commit: Commit) -> str:
    """Write the cell that pulls one commit, by digest.

    Parameters
    ----------
    commit : Commit

    Raises
    ------
    ServiceFailure
        The service gave a path or digest that is none.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from polly_magic.models import Commit
    >>> june = Commit("docker.polly.elucidata.io/elucidata/16june", "latest", "sha256:" + 64 * "5", "inactive",
    ...     "a@b.c", datetime(2020, 6, 17, 19, 3, 35, tzinfo=timezone.utc), 1, "", ())
    >>> print(pull_cell(june))  # doctest: +ELLIPSIS
    # 16june:latest, pushed June 17, 2020, 07:03:35 PM UTC by a@b.c
    !docker pull docker.polly.elucidata.io/elucidata/16june@sha256:555...
    """
    image = _image(commit)
    return f"{_comment(commit, image)}\n!docker pull {image}"


def run_cell(commit: Commit, command: Sequence[str]) -> str:
    r"""Write the cell that runs a command in one commit, by digest, in the notebook's directory.

    The container is told by ``POLLY_IMAGE`` which image it is, for ``%polly_dockers require``.

    Parameters
    ----------
    commit : Commit
    command : sequence of str
        Program and arguments; they arrive as they are given. Empty for what the image says.

    Raises
    ------
    UsageError
        An argument that no program can be given.
    ServiceFailure
        The service gave a path or digest that is none.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> from polly_magic.models import Commit
    >>> june = Commit("docker.polly.elucidata.io/elucidata/16june", "latest", "sha256:" + 64 * "5", "inactive",
    ...     "a@b.c", datetime(2020, 6, 17, 19, 3, 35, tzinfo=timezone.utc), 1, "", ())
    >>> print(run_cell(june, ["python", "fit.py"]))  # doctest: +ELLIPSIS
    # 16june:latest, pushed June 17, 2020, 07:03:35 PM UTC by a@b.c
    !docker run --rm -v "$PWD":/work -w /work -e POLLY_IMAGE=docker...555 docker...16june@sha256:555... python fit.py
    >>> print(run_cell(june, ["awk", "{print $1}", "table"]))  # doctest: +ELLIPSIS
    %%sh --no-raise-error
    # 16june:latest, pushed June 17, 2020, 07:03:35 PM UTC by a@b.c
    docker run --rm -v "$PWD":/work -w /work -e POLLY_IMAGE=docker...555 docker...16june@...555 awk '{print $1}' table
    """
    image = _image(commit)
    start = f'docker run --rm -v "$PWD":/work -w /work -e {IMAGE_VARIABLE}={image}'
    line = " ".join([start, str(image), *map(_quoted, command)])
    if all(_PLAIN.fullmatch(argument) for argument in command):
        return f"{_comment(commit, image)}\n!{line}"
    return f"%%sh --no-raise-error\n{_comment(commit, image)}\n{line}"


def _image(commit: Commit) -> Reference:
    # The service's words end up in a shell: they are what they should be, or there is no cell.
    try:
        image = parse_repository(commit.repository)
    except InvalidReference:
        image = None
    if image is None or image.repository != commit.repository:
        raise ServiceFailure(f"The service gave {commit.repository!r} as a path.", "Tell whoever runs the service.")
    if not is_digest(commit.commit_hash):
        raise ServiceFailure(f"The service gave {commit.commit_hash!r} as a digest.", "Tell whoever runs the service.")
    return image.with_digest(commit.commit_hash)


def _comment(commit: Commit, image: Reference) -> str:
    when = commit.pushed_at.astimezone(timezone.utc)
    text = f"{image.name}:{commit.tag}, pushed {_written(when)} by {commit.pushed_by}"
    return "# " + "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _written(when: datetime) -> str:
    # As Polly writes times, whatever language this machine speaks.
    hour, half = (when.hour - 1) % 12 + 1, "AM" if when.hour < 12 else "PM"
    return f"{_MONTHS[when.month - 1]} {when.day}, {when.year}, {hour:02}:{when:%M:%S} {half} UTC"


def _quoted(argument: str) -> str:
    if "\0" in argument:
        raise UsageError(f"{argument!r} holds a zero byte, which no program can be given.", "Leave it out.")
    try:
        argument.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{argument!r} is no text: {error.reason}.", "Write it in Unicode.") from error
    # An editor of cells may turn a carriage return into a line feed; the shell makes it again from its number.
    pieces = _CONTROL.split(argument)
    controls = _CONTROL.findall(argument)
    quoted = [shlex.quote(pieces[0]) if pieces[0] or not controls else ""]
    for control, piece in zip(controls, pieces[1:], strict=True):
        number = "".join(f"\\{byte:03o}" for byte in control.encode())
        quoted.append(f"\"$(printf '{number}')\"" + (shlex.quote(piece) if piece else ""))
    return "".join(quoted)
