"""Docker's token authentication: from a challenge to the ``Authorization`` header that answers it.

A registry answers 401 with ``WWW-Authenticate: Bearer realm=...,service=...,scope=...``; the realm gives a
short-lived token for the scope, to a user or to nobody in particular. A registry without a realm asks for ``Basic``.
"""

from __future__ import annotations

import re
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from polly_magic.errors import NotLoggedIn, ServiceFailure
from polly_magic.redaction import Secret
from polly_magic.registry.failures import failure, unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Authenticator", "Challenge", "origin", "parse_challenges"]

# The specification's default where a token does not say how long it lasts, and what a token must last to be used.
_DEFAULT_LIFETIME = 60
_MARGIN = 10

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - HTTP's word for a word
_PART = re.compile(rf'({_TOKEN})(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN})))?')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a registry asks for in ``WWW-Authenticate``.

    Parameters
    ----------
    scheme : str
        In lower case: ``"bearer"`` or ``"basic"``.
    parameters : mapping of str to str
        Names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(header: str) -> list[Challenge]:
    """Read a ``WWW-Authenticate`` header (RFC 9110, section 11.6.1); one may hold several challenges.

    Examples
    --------
    >>> [challenge] = parse_challenges('Bearer realm="https://a.test/token",scope="repository:a/b:pull,push"')
    >>> challenge.scheme, challenge.parameters["scope"]
    ('bearer', 'repository:a/b:pull,push')
    """
    challenges: list[tuple[str, dict[str, str]]] = []
    for match in _PART.finditer(header):
        name, quoted, word = match.groups()
        if quoted is None and word is None:
            challenges.append((name.lower(), {}))
        elif challenges:
            value = word if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1][1][name.lower()] = value
    return [Challenge(scheme, parameters) for scheme, parameters in challenges]


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL: what a credential is bound to.

    Examples
    --------
    >>> origin("https://docker.polly.elucidata.io/v2/") == origin("https://docker.polly.elucidata.io:443/token")
    True
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


class Authenticator:
    """Answers the challenges of one registry, and keeps the tokens it was given until they expire.

    Parameters
    ----------
    session : requests.Session
    url : str
        The registry's own, ``https://host``.
    username : str, optional
    password : Secret, optional
    """

    def __init__(self, session: requests.Session, url: str, username: str | None, password: Secret | None) -> None:
        self._session = session
        self._url = url
        self._basic: Secret | None = None
        if username is not None and password:
            self._basic = Secret("Basic " + b64encode(f"{username}:{password.reveal()}".encode()).decode())
        self._headers: dict[str, tuple[Secret, float]] = {}

    @property
    def anonymous(self) -> bool:
        """Whether there is no user to answer for."""
        return self._basic is None

    def header(self, scope: str) -> Secret | None:
        """Return the ``Authorization`` header for a scope, where one is known and still good."""
        header, expires = self._headers.get(scope, (None, 0.0))
        return header if time.monotonic() < expires else None

    def answer(self, challenges: list[Challenge], scope: str) -> bool:
        """Get a new header for the scope; False where nothing can be answered.

        Raises
        ------
        NotLoggedIn
            The realm does not take the user's password.
        ServiceFailure
            The realm lies where a password must not go.
        """
        self._headers.pop(scope, None)
        for challenge in challenges:
            if challenge.scheme == "bearer":
                token, lifetime = self._fetch(challenge, scope)
                self._headers[scope] = (Secret(f"Bearer {token.reveal()}"), time.monotonic() + lifetime - _MARGIN)
                return True
            if challenge.scheme == "basic" and self._basic is not None:
                self._headers[scope] = (self._basic, float("inf"))
                return True
        return False

    def _fetch(self, challenge: Challenge, scope: str) -> tuple[Secret, float]:
        realm = challenge.parameters.get("realm", "")
        trusted = origin(realm) == origin(self._url) or realm.startswith("https://")
        if not trusted:
            raise ServiceFailure(
                f"The registry {self._url} sends us to {realm!r} for a token, where no password may go.",
                "Ask its administrator for a realm on the registry itself or on https.",
            )
        query = {"scope": scope}
        if service := challenge.parameters.get("service"):
            query["service"] = service
        headers = {} if self._basic is None else {"Authorization": self._basic.reveal()}
        try:
            response = self._session.get(realm, params=query, headers=headers, timeout=(10, 60), allow_redirects=False)
        except requests.RequestException as error:
            raise unreachable(realm, error) from None
        if response.status_code in (401, 403):
            who = "without a login" if self.anonymous else "with this login"
            raise NotLoggedIn(f"{self._url} gives no token {who}.", "Run %polly_dockers login")
        if response.status_code != 200:
            raise failure(response)
        try:
            answer = response.json()
            token = str(answer.get("token") or answer["access_token"])
            return Secret(token), float(answer.get("expires_in") or _DEFAULT_LIFETIME)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise ServiceFailure(
                f"{realm} answered without a token.", "Check the address of the registry with its administrator."
            ) from None
