"""What went wrong with a call, as the `PollyError` of its kind."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any, TypeVar, cast

from requests import exceptions
from urllib3.exceptions import LocationValueError

from polly_magic.api.contract import broken
from polly_magic.errors import (
    Conflict,
    Forbidden,
    NotFound,
    NotLoggedIn,
    PollyError,
    Rejected,
    ServiceFailure,
    ServiceUnavailable,
    StorageFull,
)
from polly_magic.redaction import redact
from polly_magic.settings import remedy_for_refused_key

if TYPE_CHECKING:
    from requests import Response

    from polly_magic.settings import Login

__all__ = ["answer_failure", "call_failure", "media_type", "printable"]

E = TypeVar("E", bound=BaseException)

_LONGEST = 500
_TEMPORARY = frozenset({429, 502, 503, 504})


def call_failure(login: Login, error: Exception) -> PollyError:
    """Say why no answer came."""
    service = login.service
    # Not the library's own words: they are long, and name its objects.
    if isinstance(error, exceptions.SSLError):
        reason = f"its TLS certificate or handshake is not right ({_tls_reason(error)})"
        remedy = "Correct the service's URL or certificate; REQUESTS_CA_BUNDLE names a file of certificates to trust."
        return ServiceUnavailable(f"{service.api_url} cannot be reached safely: {reason}.", remedy)
    if isinstance(error, exceptions.ProxyError):
        reason = "the proxy that HTTPS_PROXY names does not let it through"
    elif isinstance(error, exceptions.ConnectTimeout):
        reason = "no connection in time"
    elif isinstance(error, exceptions.Timeout):
        reason = "no answer in time"
    elif isinstance(error, exceptions.ContentDecodingError):
        return broken("the content cannot be decoded")
    elif _cause(error, socket.gaierror) or _cause(error, LocationValueError):
        reason = "its host name is not known"
    elif cause := _cause(error, OSError):
        reason = (cause.strerror or "the connection broke").lower()
    else:
        reason = "the connection broke"
    return ServiceUnavailable(f"{service.api_url} does not answer: {reason}.", _remedy_for_silence(login))


def answer_failure(login: Login, response: Response) -> PollyError:
    """Say what an answer that is no success means."""
    service, status = login.service, response.status_code
    said = _said(login, response)
    if status in _TEMPORARY:
        after = response.headers.get("Retry-After", "")
        again = f"Try again in {after} s." if after.isdecimal() and len(after) < 10 else "Try again in a minute."
        reason = said or f"{status} {printable(login, response.reason or '')}".strip()
        return ServiceUnavailable(f"{service.api_url} cannot do it now: {reason}", again)
    if not said:
        return broken(f"{status} came with {media_type(login, response)} instead of JSON:API errors")
    if status == 401:
        return NotLoggedIn(f"{service.registry} does not accept the key: {said}", remedy_for_refused_key(login))
    if status == 403:
        return Forbidden(said, f"Ask an admin of the organisation, or log in to {service.registry} as another user.")
    if status == 404:
        return NotFound(said, "See %polly_dockers list --all")
    if status == 409:
        return Conflict(said, "See %polly_dockers list --all")
    if status in (400, 422):
        return Rejected(said, "Correct the value and try again.")
    if status == 507:
        where = f"on the disk of {service.data}" if service.data else f"on {service.registry}"
        return StorageFull(said, f"Make room {where}.")
    return ServiceFailure(f"{service.api_url} failed: {status} {said}", "Try again, or tell whoever runs the service.")


def media_type(login: Login, response: Response) -> str:
    """Return what kind of body an answer has."""
    return printable(login, response.headers.get("Content-Type", "nothing").partition(";")[0])


def printable(login: Login, text: str) -> str:
    """Keep a stranger's text from moving a terminal's cursor, filling the screen, or telling the key."""
    if key := login.key.reveal():
        text = text.replace(key, "***")
    text = "".join(character if character.isprintable() else " " for character in redact(text))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _said(login: Login, response: Response) -> str:
    """Return the service's own words, each with the field it is about; empty where it said nothing as agreed."""
    try:
        document: object = response.json()
    except (ValueError, RecursionError):
        return ""
    errors = cast("dict[str, Any]", document).get("errors") if isinstance(document, dict) else None
    if not isinstance(errors, list):
        return ""
    said: list[str] = []
    for error in cast("list[object]", errors)[:5]:
        if not isinstance(error, dict):
            continue
        fields = cast("dict[str, Any]", error)
        words = fields.get("detail") or fields.get("title") or fields.get("code")
        if isinstance(words, str):
            field = _field(fields.get("source"))
            said.append(f"{field}: {words}" if field else words)
    return printable(login, "; ".join(said))


def _field(source: object) -> str:
    if isinstance(source, dict):
        source = cast("dict[str, Any]", source)
        for kind in ("pointer", "parameter", "header"):
            if isinstance(place := source.get(kind), str):
                return place.removeprefix("/data/attributes/").removeprefix("/data/")
    return ""


def _remedy_for_silence(login: Login) -> str:
    if login.service.data:
        return "Start it with: polly-dockers login --local"
    if login.service.is_local:
        return "Start it with: polly-dockers serve"
    return "Look at your network and at the service's URL, then try again."


def _tls_reason(error: BaseException) -> str:
    cause = _cause(error, ssl.SSLError)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    return (cause and cause.reason) or "unknown"


def _cause(error: BaseException, kind: type[E]) -> E | None:
    """Find what lies beneath: the libraries wrap one in another, as cause, argument or reason."""
    beneath: list[object] = [error]
    seen: set[int] = set()
    found: E | None = None
    while beneath:
        layer = beneath.pop()
        if not isinstance(layer, BaseException) or id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, kind):
            found = layer
        beneath += [layer.__cause__, layer.__context__, getattr(layer, "reason", None), *layer.args]
    return found
