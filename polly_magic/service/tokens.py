"""Signed tokens: bearer tokens of the registry, and passwords for getting them.

Both are JSON Web Tokens (RFC 7519) signed with HMAC-SHA256 under a key that never leaves the data directory. Each
names in ``aud`` what it is for, so that one is no good in the place of the other.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING, Any, Literal

import jwt

from polly_magic.errors import StoreUnusable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["USERNAME", "Signer", "TokenError", "load_key"]

USERNAME = "POLLY"
"""Of whoever logs in to the registry: the password says who it is."""

Purpose = Literal["bearer", "password"]

_ISSUER = "polly-magic"
_ALGORITHM = "HS256"
_KEY_BYTES = 32


class TokenError(Exception):
    """Not signed by us, not for this purpose, not yet or no longer valid."""


class Signer:
    """Makes and checks tokens under one key.

    Examples
    --------
    >>> signer = Signer(bytes(32))
    >>> token = signer.sign("bearer", {"sub": "7"}, lifetime=300)
    >>> signer.verify("bearer", token)["sub"]
    '7'
    >>> signer.verify("password", token)
    Traceback (most recent call last):
    polly_magic.service.tokens.TokenError: Audience doesn't match
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: Purpose, claims: dict[str, Any], *, lifetime: int) -> str:
        """Return a token that carries `claims` for `lifetime` seconds from now."""
        at = int(time.time())
        frame = {"iss": _ISSUER, "aud": purpose, "iat": at, "nbf": at, "exp": at + lifetime}
        return jwt.encode({"jti": secrets.token_hex(8), **claims, **frame}, self._key, algorithm=_ALGORITHM)

    def verify(self, purpose: Purpose, token: str) -> dict[str, Any]:
        """Return the claims of a token.

        Raises
        ------
        TokenError
            Whatever is wrong with it.
        """
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=purpose,
                issuer=_ISSUER,
                options={"require": ["iss", "aud", "exp", "nbf", "iat"]},
            )
        except jwt.InvalidTokenError as error:
            raise TokenError(str(error)) from error


def load_key(path: Path) -> bytes:
    """Return the signing key in the file at `path`, made on the first call.

    Raises
    ------
    StoreUnusable
        The file holds something else.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = _make_key(path)
    if len(key) != _KEY_BYTES:
        raise StoreUnusable(
            f"The service's signing key {path} is damaged.",
            "Remove the file: the next start makes a new one, and tokens given out so far end.",
        )
    return key


def _make_key(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return key
