"""From a registry's answer to a `PollyError`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests

from polly_magic.errors import (
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

__all__ = ["failure", "unreachable"]

_KINDS: dict[int, tuple[type[PollyError], str]] = {
    401: (NotLoggedIn, "Run %polly_dockers login"),
    403: (Forbidden, "Ask an administrator of the organisation."),
    404: (NotFound, "See %polly_dockers list --all"),
    429: (ServiceUnavailable, "Wait a moment and try again."),
    502: (ServiceUnavailable, "Try again; if it stays so, tell the registry's administrator."),
    503: (ServiceUnavailable, "Try again; if it stays so, tell the registry's administrator."),
    504: (ServiceUnavailable, "Try again; if it stays so, tell the registry's administrator."),
    507: (StorageFull, "Ask the registry's administrator to make room."),
}


def failure(response: requests.Response) -> PollyError:
    """Turn an answer that is no success into the error to raise.

    The text is the registry's own (OCI Distribution Specification, "Error Codes"); a detail that is a sentence
    stands in for our remedy.
    """
    kind, remedy = _KINDS.get(response.status_code, (None, ""))
    if kind is None:
        kind = Rejected if 400 <= response.status_code < 500 else ServiceFailure
        remedy = "" if kind is Rejected else "Tell the registry's administrator; its log says more."
    errors = _errors(response)
    said = "; ".join(f"{error.get('code', '?')}: {error.get('message', '')}" for error in errors)
    details = [error["detail"] for error in errors if isinstance(error.get("detail"), str) and error["detail"]]
    parts = urlsplit(response.url)
    problem = f"{parts.netloc} answered {response.status_code} to {response.request.method} {parts.path}"
    return kind(redact(f"{problem}: {said}" if said else f"{problem}."), redact(details[0] if details else remedy))


def unreachable(url: str, error: requests.RequestException) -> ServiceUnavailable:
    """Turn a failure on the way to the registry into the error to raise."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc}"
    if isinstance(error, requests.Timeout):
        return ServiceUnavailable(f"{where} did not answer in time.", "Try again in a moment.")
    if isinstance(error, requests.exceptions.SSLError):
        return ServiceUnavailable(
            f"{where} has no certificate that this machine trusts.",
            "Have its certificate authority installed, or name it in REQUESTS_CA_BUNDLE.",
        )
    return ServiceUnavailable(
        f"Nobody answers at {where}.", "Check the network and the address; a local service starts with login --local."
    )


def _errors(response: requests.Response) -> list[dict[str, Any]]:
    try:
        errors = response.json()["errors"]
        return [error for error in errors if isinstance(error, dict)]
    except (ValueError, KeyError, TypeError, requests.RequestException):
        return []
