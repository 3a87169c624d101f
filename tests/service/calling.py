"""The API as a program calls it, without our own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.service.running import RunningService

MEDIA_TYPE = "application/vnd.api+json"


class Api:
    """Calls as one user."""

    def __init__(self, service: RunningService, user: str | None) -> None:
        self.service = service
        self.headers = {"x-api-key": service.keys[user]} if user else {}

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        url = path if path.startswith("http") else self.service.url + path
        answer = requests.request(method, url, headers=headers, timeout=20, **options)
        assert answer.status_code < 500, answer.text
        if "json" in answer.headers.get("Content-Type", "") and path not in ("/token", "/healthz"):
            assert answer.headers["Content-Type"] == MEDIA_TYPE
        return answer

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return self.call("GET", path, params=parameters)

    def write(self, method: str, path: str, kind: str, attributes: Any, **options: Any) -> requests.Response:
        data = {"type": kind, "attributes": attributes}
        if method == "PATCH":
            data["id"] = path.removeprefix("/repositories/")
        headers = {"Content-Type": MEDIA_TYPE, **options.pop("headers", {})}
        return self.call(method, path, data=json.dumps({"data": data}), headers=headers, **options)

    def create(self, name: str, **attributes: Any) -> requests.Response:
        headers = attributes.pop("headers", {})
        return self.write("POST", "/repositories", "repositories", {"name": name, **attributes}, headers=headers)

    def change(self, path: str, **attributes: Any) -> requests.Response:
        return self.write("PATCH", f"/repositories/{path}", "repositories", attributes)


def error(answer: requests.Response) -> tuple[int, str, dict[str, str]]:
    """Return status, code and source of a refusal, after a look at its form."""
    (one,) = answer.json()["errors"]
    assert one["status"] == str(answer.status_code)
    assert one["title"]
    assert one["detail"]
    return answer.status_code, one["code"], one.get("source", {})


def names(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["attributes"]["name"] for each in answer.json()["data"]]
