"""Errors of the registry, in the form that every client of OCI distribution reads.

The codes and their statuses are those of the specification, "Error Codes" of
https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

__all__ = ["OciError"]

_STATUSES = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 404,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "SIZE_INVALID": 400,
    "UNAUTHORIZED": 401,
    "DENIED": 403,
    "UNSUPPORTED": 405,
    "TOOMANYREQUESTS": 429,
    # not in the specification, but what distribution says: a page of a strange size, and a failure of our own
    "PAGINATION_NUMBER_INVALID": 400,
    "UNKNOWN": 500,
}


class OciError(Exception):
    """A request that the registry refuses.

    Parameters
    ----------
    code : str
        One of the specification's codes.
    message : str
        What is wrong, with the value; Docker shows it to the person.
    detail : object, optional
        Anything JSON can hold.
    status : int, optional
        Where it is not the code's usual one.
    headers : dict, optional
        More headers of the answer.

    Examples
    --------
    >>> error = OciError("BLOB_UNKNOWN", "There is no such blob here.")
    >>> error.status, error.response().text
    (404, '{"errors": [{"code": "BLOB_UNKNOWN", "message": "There is no such blob here."}]}')
    """

    def __init__(
        self,
        code: str,
        message: str,
        detail: Any = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status or _STATUSES[code]
        self.headers = headers or {}

    def response(self) -> web.Response:
        """Return the answer that says so."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        text = json.dumps({"errors": [error]})
        return web.Response(text=text, status=self.status, headers=self.headers, content_type="application/json")
