"""Values as a person or a program reads them."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone

__all__ = ["local_time", "utc_time", "visible"]


def visible(text: str, keep: str = "") -> str:
    r"""Return `text` with its control characters written out, so that it cannot steer a terminal.

    Parameters
    ----------
    text : str
        Text that comes from elsewhere.
    keep : str, optional
        Characters to leave, such as a line break.

    Examples
    --------
    >>> print(visible("red \x1b[31m and \u202eback"))
    red \x1b[31m and \u202eback
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in keep and (unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or _turns(character))
        else character
        for character in text
    )


def _turns(character: str) -> bool:
    # Marks that change the direction of the text after them, and with it what a reader takes a name for.
    return unicodedata.bidirectional(character) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def local_time(time: datetime) -> str:
    """Return `time` in the reader's time zone, the way Polly's own program writes it.

    Examples
    --------
    >>> local_time(datetime(2020, 7, 9, 15, 56, 49).astimezone())
    'July 9, 2020, 03:56:49 PM'
    """
    time = time.astimezone()
    return f"{time:%B} {time.day}, {time:%Y, %I:%M:%S %p}"


def utc_time(time: datetime) -> str:
    """Return `time` as RFC 3339 in UTC with microseconds.

    Examples
    --------
    >>> utc_time(datetime(2020, 7, 9, 15, 56, 49, tzinfo=timezone.utc))
    '2020-07-09T15:56:49.000000Z'
    """
    return f"{time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
