"""The API's documents: read, checked and written as JSON:API 1.1 says (https://jsonapi.org/format/1.1/)."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from sqlalchemy.exc import OperationalError

from polly_magic.redaction import redact

__all__ = ["MEDIA_TYPE", "ApiError", "Document", "is_storable", "middleware", "read_document", "respond"]

MEDIA_TYPE = "application/vnd.api+json"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept, Authorization, X-Api-Key",
}

_log = logging.getLogger(__name__)


class ApiError(Exception):
    """A request that the API refuses.

    Parameters
    ----------
    status : int
    code : str
        For programs: stays the same.
    title : str
        What kind of problem; the same for every occurrence.
    detail : str
        This occurrence, with the value.
    pointer, parameter, header : str, optional
        Where in the request: a JSON pointer into its body, a query parameter, or a header.
    headers : mapping, optional
        More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        pointer: str | None = None,
        parameter: str | None = None,
        header: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.headers = headers
        self.error: dict[str, Any] = {"status": str(status), "code": code, "title": title, "detail": detail}
        source = {"pointer": pointer, "parameter": parameter, "header": header}
        if present := {name: value for name, value in source.items() if value is not None}:
            self.error["source"] = present

    def response(self) -> web.Response:
        """Return the answer that says so."""
        return respond(json.dumps({"errors": [self.error]}).encode(), self.status, self.headers)


def respond(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer with a document."""
    return web.Response(body=body, status=status, headers={"Content-Type": MEDIA_TYPE, **_HEADERS, **(headers or {})})


@dataclass(frozen=True, slots=True)
class Document:
    """What the body of a request holds.

    Parameters
    ----------
    attributes : dict
        Only names that were asked for, each of the type that was asked for.
    """

    attributes: dict[str, Any] = field(default_factory=dict[str, Any])

    def text(self, name: str, *, longest: int) -> str:
        """Return a required text."""
        if name not in self.attributes:
            raise ApiError(
                422, "missing_attribute", "Attribute missing", f"{name!r} is missing.", pointer="/data/attributes"
            )
        return self.optional_text(name, longest=longest) or ""

    def optional_text(self, name: str, *, longest: int) -> str | None:
        """Return a text, or nothing where it was left out."""
        if name not in self.attributes:
            return None
        value = self.attributes[name]
        if not isinstance(value, str):
            raise self.invalid(name, f"{name!r} is a text.")
        if len(value) > longest:
            raise self.invalid(name, f"{name!r} has at most {longest} characters, not {len(value)}.")
        if not is_storable(value):
            raise self.invalid(name, f"{name!r} holds a character that is no text (NUL or half a surrogate pair).")
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str | None) -> str | None:
        """Return one of `choices`, or `default` where it was left out."""
        value = self.attributes.get(name, default)
        if name in self.attributes and value not in choices:
            raise self.invalid(name, f"{name!r} is one of: {', '.join(choices)}.")
        return value

    def number(self, name: str, lowest: int, highest: int, default: int) -> int:
        """Return a whole number, or `default` where it was left out."""
        value = self.attributes.get(name, default)
        if isinstance(value, float) and value.is_integer():  # to JSON, 60.0 is 60
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.invalid(name, f"{name!r} is a whole number from {lowest} to {highest}.")
        return value

    def invalid(self, name: str, detail: str) -> ApiError:
        """Return the error that points at an attribute."""
        return ApiError(422, "invalid_attribute", "Attribute invalid", detail, pointer=f"/data/attributes/{name}")


async def read_document(
    request: web.Request, kind: str, names: tuple[str, ...], *, resource_id: str | None = None
) -> Document:
    """Read and check the body of a request that creates or changes one resource.

    Parameters
    ----------
    request : web.Request
    kind : str
        Type of the resource.
    names : tuple of str
        Attributes that there are.
    resource_id : str, optional
        Of the resource to change; it is to be repeated in the body. Without it, one is to be created, and the body
        has none.
    """
    _check_content_type(request)
    data = _parse(await request.read())
    data = data.get("data") if isinstance(data, dict) else None
    if not isinstance(data, dict):
        raise ApiError(
            400, "malformed_document", "Malformed document", "The body is no object with 'data' in it.", pointer="/data"
        )
    if "type" not in data:
        raise ApiError(400, "malformed_document", "Malformed document", "'type' is missing.", pointer="/data")
    if data["type"] != kind:
        raise ApiError(409, "wrong_type", "Wrong type", f"The type here is {kind!r}.", pointer="/data/type")
    if resource_id is None and "id" in data:
        raise ApiError(403, "id_given", "Id not accepted", "The service chooses the id.", pointer="/data/id")
    if resource_id is not None and "id" not in data:
        raise ApiError(400, "malformed_document", "Malformed document", "'id' is missing.", pointer="/data")
    if resource_id is not None and data["id"] != resource_id:
        raise ApiError(409, "wrong_id", "Wrong id", f"The id here is {resource_id!r}.", pointer="/data/id")
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise ApiError(
            400, "malformed_document", "Malformed document", "'attributes' is no object.", pointer="/data/attributes"
        )
    if unknown := [name for name in attributes if name not in names]:
        shown = ascii(unknown[0][:100])
        raise ApiError(
            422,
            "unknown_attribute",
            "Attribute unknown",
            f"There is no attribute {shown} to set. There are: {', '.join(names)}.",
            pointer="/data/attributes",
        )
    return Document(attributes)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        detail = "It is nested too deeply."
    except ValueError as error:
        detail = str(error)
    raise ApiError(400, "malformed_document", "Malformed document", f"The body is no JSON. {detail}", pointer="")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def is_storable(text: str) -> bool:
    """Whether every database takes this text: no NUL, no half of a surrogate pair."""
    return text.isprintable() or not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


def _check_content_type(request: web.Request) -> None:
    ranges = _media_ranges(request.headers.getall("Content-Type", []))
    if len(ranges) != 1 or ranges[0][0] != MEDIA_TYPE or set(ranges[0][1]) - {"profile"}:
        raise ApiError(
            415,
            "unsupported_media_type",
            "Unsupported media type",
            f"A body is {MEDIA_TYPE}, without parameters.",
            header="Content-Type",
        )


def _check_accept(request: web.Request) -> None:
    ranges = _media_ranges(request.headers.getall("Accept", []))
    if ranges and not any(_is_acceptable(name, parameters) for name, parameters in ranges):
        raise ApiError(
            406, "not_acceptable", "Not acceptable", f"There is {MEDIA_TYPE}, without parameters.", header="Accept"
        )


def _is_acceptable(name: str, parameters: dict[str, str]) -> bool:
    if name == MEDIA_TYPE and set(parameters) - {"profile", "q"}:
        return False
    return (
        name in {MEDIA_TYPE, "application/json", "application/*", "*/*"} and parameters.get("q", "1").strip("0.") != ""
    )


def _media_ranges(values: list[str]) -> list[tuple[str, dict[str, str]]]:
    ranges: list[tuple[str, dict[str, str]]] = []
    for text in ",".join(values).split(","):
        name, *parameters = (part.strip() for part in text.split(";"))
        if name:
            pairs = (parameter.partition("=") for parameter in parameters)
            ranges.append((name.lower(), {key.strip().lower(): value.strip() for key, _, value in pairs}))
    return ranges


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal outside /v2 as JSON:API says; /v2 has its own form of errors."""
    if request.path == "/v2" or request.path.startswith("/v2/"):
        return await handler(request)
    try:
        if request.path not in {"/token", "/healthz"}:
            _check_accept(request)
        return await handler(request)
    except ApiError as error:
        return error.response()
    except web.HTTPException as error:
        return _of_framework(request, error).response()
    except OperationalError as error:
        return _of_database(error).response()
    except Exception as error:  # noqa: BLE001 - a defect of ours: the log has it, the answer keeps the form
        _log.error("%s %s failed", request.method, redact(request.rel_url.raw_path), exc_info=error)
        return ApiError(500, "internal_error", "Internal error", "The service's log says more.").response()


def _of_framework(request: web.Request, error: web.HTTPException) -> ApiError:
    if error.status == 404:
        return ApiError(404, "not_found", "Not found", f"There is nothing at {request.rel_url.raw_path[:300]}.")
    if error.status == 405:
        headers = {"Allow": error.headers.get("Allow", "")}
        return ApiError(405, "method_not_allowed", "Method not allowed", f"Not {request.method} here.", headers=headers)
    if error.status == 413:
        return ApiError(413, "body_too_large", "Body too large", "A body has at most 1 MiB.")
    return ApiError(error.status, "bad_request", error.reason, error.text or error.reason)


def _of_database(error: OperationalError) -> ApiError:
    if "full" in str(error.orig):
        return ApiError(507, "storage_full", "Storage full", "The service's disk is full.")
    _log.error("The database failed: %s", error.orig)
    return ApiError(503, "unavailable", "Unavailable", "The service's database does not answer.")
