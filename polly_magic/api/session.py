"""HTTP as the client needs it: one origin, a key that goes nowhere else, bounded waiting, retries that do no harm."""

from __future__ import annotations

import http.cookiejar
import itertools
import json
import os
import random
import re
import time
import uuid
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from polly_magic.api.contract import broken
from polly_magic.api.failures import answer_failure, call_failure, media_type, printable
from polly_magic.errors import NotLoggedIn, ServiceFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response

    from polly_magic.errors import PollyError
    from polly_magic.settings import Login

__all__ = ["Session"]

_MEDIA_TYPE = "application/vnd.api+json"
_RETRIED = frozenset({429, 502, 503, 504})
_REDIRECTS = {"GET": frozenset({301, 302, 307, 308}), "POST": frozenset({307, 308}), "PATCH": frozenset({307, 308})}
_MOST_REDIRECTS = 5
_TRIES = 5
_FIRST_WAIT = 0.25
_CONNECT_PATIENCE = 5.0


class Session:
    """Calls of one service with one key.

    May be used from several threads at once: it keeps a pool of connections, and no cookies.

    Parameters
    ----------
    login : Login
    patience : float
        Seconds to wait for an answer, and to spend on trying again.

    Raises
    ------
    NotLoggedIn
        The key has characters that no key has.
    """

    def __init__(self, login: Login, patience: float = 30.0) -> None:
        # requests would quote the key in its error.
        if not re.fullmatch(r"[\x21-\x7e]+", login.key.reveal()):
            raise NotLoggedIn(
                f"The key for {login.service.registry} is empty, or has spaces or other characters that no key has.",
                "Run %polly_dockers login and paste the key alone",
            )
        self.login = login
        self._base = login.service.api_url
        self._patience = patience
        self._http = _Http()
        self._http.auth = _KeyAuth(login.key.reveal(), _origin(self._base))  # also keeps ~/.netrc out
        self._http.headers.update({"Accept": _MEDIA_TYPE, "User-Agent": f"polly-magic/{version('polly-magic')}"})
        self._http.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        # No proxy between this machine and itself: the key would go there in the clear.
        self._http.trust_env = not login.service.is_local
        if login.service.is_local and (bundle := os.environ.get("REQUESTS_CA_BUNDLE")):
            self._http.verify = bundle
        self._http.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=16))
        self._http.mount("https://", HTTPAdapter(pool_connections=1, pool_maxsize=16))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> tuple[dict[str, Any], str]:
        """Get a document, and the URL it came from.

        Parameters
        ----------
        path : str
            Below the service's base, with a slash first.
        """
        return self._call("GET", self._base + path, parameters=parameters)

    def get_page(self, url: str) -> tuple[dict[str, Any], str]:
        """Get a document from a URL that `join` made, and the URL it came from."""
        return self._call("GET", url)

    def post(self, path: str, kind: str, attributes: Mapping[str, object]) -> dict[str, Any]:
        """Create a resource of type `kind`."""
        return self._call("POST", self._base + path, body={"data": {"type": kind, "attributes": attributes}})[0]

    def patch(self, path: str, kind: str, identity: str, attributes: Mapping[str, object]) -> dict[str, Any]:
        """Change attributes of a resource."""
        body = {"data": {"type": kind, "id": identity, "attributes": attributes}}
        return self._call("PATCH", self._base + path, body=body)[0]

    def join(self, url: str, link: str) -> str:
        """Return the URL that a link in the answer from `url` means.

        Raises
        ------
        ServiceFailure
            It is none, or it leaves the origin, where the key must not go.
        """
        try:
            joined = urljoin(url, link)
            if _origin(joined) == _origin(self._base):
                return joined
            host = urlsplit(joined).netloc.rpartition("@")[2]
        except ValueError:
            raise broken("a link is no URL") from None
        raise ServiceFailure(
            f"{self._base} refers to another place ({printable(self.login, host)}), where its key must not go.",
            "Look whether POLLY_SERVICE is the service's final URL.",
        )

    def _call(
        self,
        method: str,
        url: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> tuple[dict[str, Any], str]:
        headers: dict[str, str] = {}
        if body is not None:
            # Sent again it is known as the same: so every write may be tried again.
            headers = {"Content-Type": _MEDIA_TYPE, "Idempotency-Key": str(uuid.uuid4())}
        data = None if body is None else json.dumps(body).encode()
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._answer(method, url, parameters, data, headers)
            if response.status_code not in _REDIRECTS[method] or "Location" not in response.headers:
                return self._document(response), response.url
            url, parameters = self.join(response.url, response.headers["Location"]), None
        raise broken(f"it redirects more than {_MOST_REDIRECTS} times")

    def _answer(
        self,
        method: str,
        url: str,
        parameters: Mapping[str, str] | None,
        data: bytes | None,
        headers: dict[str, str],
    ) -> Response:
        """Send a request until it is answered for good, or patience or tries run out."""
        until = time.monotonic() + self._patience
        timeout = (min(_CONNECT_PATIENCE, self._patience), self._patience)
        for attempt in itertools.count():
            wait = _FIRST_WAIT * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, guards nothing
            problem: PollyError
            try:
                response = self._http.request(
                    method, url, params=parameters, data=data, headers=headers, timeout=timeout
                )
            except (requests.RequestException, HTTPError) as error:  # requests lets a few of urllib3's through
                problem = call_failure(self.login, error)
                if not _may_pass(error):
                    raise problem from error
            else:
                if response.status_code not in _RETRIED:
                    return response
                problem = answer_failure(self.login, response)
                wait = max(wait, _retry_after(response))
            if attempt + 1 == _TRIES or time.monotonic() + wait > until:
                raise problem
            time.sleep(wait)
        raise AssertionError("unreachable")

    def _document(self, response: Response) -> dict[str, Any]:
        if not 200 <= response.status_code < 300:
            raise answer_failure(self.login, response)
        try:
            document: object = json.loads(response.content)
        except (ValueError, RecursionError):
            raise broken(f"{media_type(self.login, response)} came instead of JSON:API") from None
        if not isinstance(document, dict) or "data" not in document:
            raise broken("the document has no 'data'")
        return cast("dict[str, Any]", document)


class _Http(requests.Session):
    """Leaves redirects alone: requests would carry the key along, and stumble over a Location that is no URL."""

    def get_redirect_target(self, resp: Response) -> None:
        """Say that there is nowhere to go."""
        del resp


class _KeyAuth(AuthBase):
    """Puts the key into requests to one origin, whoever else a request may be for."""

    def __init__(self, key: str, origin: tuple[str, str, int | None]) -> None:
        self._key = key
        self._origin = origin

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if request.url and _origin(request.url) == self._origin:
            request.headers["x-api-key"] = self._key
        return request


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.SSLError):
        return False
    return isinstance(error, requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError)


def _retry_after(response: Response) -> float:
    """Return the seconds that the service asks to wait, said as a number or as a date."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())
