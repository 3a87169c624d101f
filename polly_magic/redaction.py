"""The one place where secrets are kept from view."""

from __future__ import annotations

import re

__all__ = ["Secret", "redact"]

# What our own secrets look like, and the ways they travel: API keys (pk_...), signed tokens, Authorization headers.
_PATTERNS = re.compile(
    r"\bpk_[A-Za-z0-9_-]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=Bearer )\S+|(?<=Basic )\S+|(?<=x-api-key: )\S+"
)


class Secret:
    """A text that shows itself only when asked by name.

    Examples
    --------
    >>> key = Secret("pk_3f1a")
    >>> key
    Secret(***)
    >>> f"{key}"
    '***'
    >>> key.reveal()
    'pk_3f1a'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: for a header, a keyring or a pipe, never for a screen."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def redact(text: str) -> str:
    """Return `text` with everything that looks like one of our secrets replaced.

    Examples
    --------
    >>> redact("Authorization: Bearer abc")
    'Authorization: Bearer ***'
    """
    return _PATTERNS.sub("***", text)
