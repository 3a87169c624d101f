"""/token and the bearer tokens: who gets what, and what is no token of ours."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from polly_magic.errors import StoreUnusable
from polly_magic.service import accounts, authentication
from polly_magic.service.authentication import Authenticator, Grant
from polly_magic.service.tokens import Signer, load_key
from tests.service.calling import Api, error
from tests.service.running import ADMIN, MEMBER, STRANGER, RunningService

if TYPE_CHECKING:
    from pathlib import Path

OWN, NEW, PUBLIC, FOREIGN = "elucidata/own", "elucidata/not/yet", "elucidata/public", "other/own"


@pytest.fixture
def paths(service: RunningService) -> None:
    service.create(OWN)
    service.create(PUBLIC, access="public")
    service.create(FOREIGN)


def ask(service: RunningService, password: str | None, *scopes: str, user: str = "POLLY") -> requests.Response:
    auth = (user, password) if password is not None else None
    parameters = {"service": "x", "client_id": "docker", "offline_token": "true", "account": "y", "scope": scopes}
    return requests.get(f"{service.url}/token", params=parameters, auth=auth, timeout=20)


def granted(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    return {entry["name"]: ",".join(entry["actions"]) for entry in claims["access"]}


ALL = [f"repository:{path}:pull,push,delete" for path in (OWN, NEW, PUBLIC, FOREIGN)]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (MEMBER, {OWN: "pull,push", NEW: "pull,push", PUBLIC: "pull,push"}),
        (ADMIN, {OWN: "pull,push", NEW: "pull,push", PUBLIC: "pull,push"}),
        (STRANGER, {PUBLIC: "pull", FOREIGN: "pull,push"}),
        (None, {PUBLIC: "pull"}),
    ],
)
@pytest.mark.parametrize("scopes", [ALL, [" ".join(ALL)]])
def test_a_token_grants_what_is_allowed_of_what_was_asked(
    service: RunningService, paths: None, user: str | None, expected: dict[str, str], scopes: list[str]
):
    assert granted(ask(service, service.keys[user] if user else None, *scopes)) == expected


def test_deleting_is_for_admins_of_a_service_that_allows_it(service: RunningService, paths: None):
    service.restart(allow_delete=True)
    assert granted(ask(service, service.keys[ADMIN], ALL[0], ALL[3])) == {OWN: "delete,pull,push"}
    assert granted(ask(service, service.keys[MEMBER], ALL[0])) == {OWN: "pull,push"}


def test_what_is_no_scope_asks_for_nothing(service: RunningService, paths: None):
    scopes = [
        "registry:catalog:*",
        "repository:",
        "repository:a:b",
        "x",
        ":",
        f"repository:{OWN}",
        "repository:A/B:pull",
    ]
    assert granted(ask(service, service.keys[MEMBER], *scopes)) == {}
    assert granted(ask(service, service.keys[MEMBER], f"repository:{OWN}:fly,pull")) == {OWN: "pull"}
    assert granted(ask(service, service.keys[MEMBER], f"repository:{OWN}:*")) == {OWN: "pull,push"}
    two = [f"repository:{OWN}:pull", f"repository:{OWN}:push"]
    assert granted(ask(service, service.keys[MEMBER], *two)) == {OWN: "pull,push"}


def test_the_answer_is_what_clients_expect(service: RunningService):
    answer = ask(service, service.keys[MEMBER])
    body = answer.json()
    assert body["token"] == body["access_token"]
    assert body["expires_in"] == 300
    assert body["issued_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("password", ["", "x", "pk_" + 43 * "A", "eyJhbGciOiJub25lIn0.e30."])
def test_a_wrong_password_is_refused(service: RunningService, password: str):
    answer = ask(service, password)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
    assert password == "" or password not in answer.text


def test_another_user_name_is_refused(service: RunningService):
    assert ask(service, service.keys[MEMBER], user="root").status_code == 401
    assert ask(service, service.keys[MEMBER], user=ADMIN).status_code == 401
    assert ask(service, service.keys[MEMBER], user=MEMBER).status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Basic UE9MTFk=", "Bearer x", "Digest x", ""])
def test_a_malformed_header_is_refused(service: RunningService, header: str):
    answer = requests.get(f"{service.url}/token", headers={"Authorization": header}, timeout=20)
    assert answer.status_code == 401


def post(running: RunningService, /, **form: str) -> requests.Response:
    return requests.post(f"{running.url}/token", data=form, timeout=20)


def test_the_form_of_oauth2(service: RunningService, paths: None):
    form = {"grant_type": "password", "username": "POLLY", "service": "x", "client_id": "c", "scope": ALL[0]}
    assert granted(post(service, **form, password=service.keys[MEMBER])) == {OWN: "pull,push"}
    assert post(service, **form, password="wrong").status_code == 401
    assert post(service, **form).status_code == 401
    refused = post(service, **{**form, "grant_type": "refresh_token"})
    assert (refused.status_code, refused.json()) == (400, {"error": "unsupported_grant_type"})
    other = requests.post(f"{service.url}/token", data=b"\xff", headers={"Content-Type": "text/plain"}, timeout=20)
    assert other.status_code == 400


def registry_password(service: RunningService, user: str, **attributes: object) -> dict[str, Any]:
    answer = Api(service, user).write("POST", "/registry-tokens", "registry-tokens", attributes)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["attributes"]


def test_a_password_is_for_its_scope(service: RunningService, paths: None):
    pull = registry_password(service, MEMBER)
    assert (pull["username"], pull["scope"]) == ("POLLY", "pull")
    assert granted(ask(service, pull["password"], *ALL)) == {OWN: "pull", NEW: "pull", PUBLIC: "pull"}
    push = registry_password(service, MEMBER, scope="pull,push", lifetime=60.0)
    assert granted(ask(service, push["password"], ALL[0])) == {OWN: "pull,push"}


@pytest.mark.parametrize(
    "attributes", [{"scope": "push"}, {"scope": None}, {"lifetime": 59}, {"lifetime": 86401}, {"lifetime": True},
                   {"lifetime": "60"}, {"lifetime": 1e400}, {"x": 1}]
)  # fmt: skip
def test_a_password_has_bounds(service: RunningService, attributes: dict[str, object]):
    answer = Api(service, MEMBER).write("POST", "/registry-tokens", "registry-tokens", attributes)
    assert error(answer)[0] in (400, 422)


def test_a_password_ends_with_its_time_and_with_its_key(service: RunningService):
    password = registry_password(service, MEMBER, lifetime=60)["password"]
    signer = service.app[authentication.AUTHENTICATOR].signer
    claims = signer.verify("password", password)
    assert claims["exp"] - claims["iat"] == 60
    late = signer.sign("password", {"key_id": claims["key_id"], "actions": ["pull"]}, lifetime=-1)
    assert ask(service, late).status_code == 401
    assert ask(service, password).status_code == 200
    service.database.write_now(lambda connection: accounts.revoke_keys_of(connection, MEMBER))
    assert ask(service, password).status_code == 401


def test_one_kind_of_token_is_no_good_as_another(service: RunningService, paths: None):
    bearer = service.token(MEMBER, ALL[0])
    password = registry_password(service, MEMBER)["password"]
    tags = f"{service.url}/v2/{OWN}/tags/list"

    def status(url: str, token: str) -> int:
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=20).status_code

    assert status(tags, bearer) == 200
    assert status(tags, password) == 401
    assert status(tags, service.keys[MEMBER]) == 401
    assert ask(service, bearer).status_code == 401
    assert status(f"{service.url}/users/me", bearer) == 401
    assert status(f"{service.url}/users/me", password) == 401


def forged(signer: Signer, token: str, *, key: bytes | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    honest = signer.verify("bearer", token)
    changed = {name: value for name, value in {**honest, **claims}.items() if value is not None}
    return jwt.encode(changed, signer._key if key is None else key, algorithm=algorithm)


def test_forged_tokens_are_refused(service: RunningService, paths: None):
    signer = service.app[authentication.AUTHENTICATOR].signer
    token = service.token(MEMBER, ALL[0])
    now = int(time.time())
    header, payload, signature = token.split(".")
    flipped = json.loads(base64.urlsafe_b64decode(payload + "=="))
    flipped["access"][0]["name"] = FOREIGN
    other_payload = base64.urlsafe_b64encode(json.dumps(flipped).encode()).decode().rstrip("=")
    none_header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    bad = {
        "other key": forged(signer, token, key=bytes(32)),
        "other algorithm": forged(signer, token, key=signer._key * 2, algorithm="HS512"),
        "none": f"{none_header}.{payload}.",
        "none with signature": f"{none_header}.{payload}.{signature}",
        "changed": f"{header}.{other_payload}.{signature}",
        "expired": forged(signer, token, exp=now - 1),
        "not yet": forged(signer, token, nbf=now + 100),
        "other issuer": forged(signer, token, iss="somebody"),
        "other audience": forged(signer, token, aud="password"),
        "no expiry": forged(signer, token, exp=None),
        "no audience": forged(signer, token, aud=None),
        "no issuer": forged(signer, token, iss=None),
        "nothing": "",
        "no token": "..",
    }
    tags = f"{service.url}/v2/{OWN}/tags/list"
    for name, text in bad.items():
        answer = requests.get(tags, headers={"Authorization": f"Bearer {text}"}, timeout=20)
        assert answer.status_code == 401, name
        assert f'scope="repository:{OWN}:pull"' in answer.headers["WWW-Authenticate"], name
    honest = requests.get(tags, headers={"Authorization": f"Bearer {forged(signer, token)}"}, timeout=20)
    assert honest.status_code == 200


def test_missing_and_foreign_repositories_challenge_alike(service: RunningService, paths: None):
    token = service.token(STRANGER, f"repository:{OWN}:pull", "repository:elucidata/none:pull")
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        foreign, missing = (
            requests.get(f"{service.url}/v2/{path}/tags/list", headers=headers, timeout=20)
            for path in (OWN, "elucidata/none")
        )
        assert foreign.status_code == missing.status_code == 401
        assert foreign.text.replace(OWN, "elucidata/none") == missing.text
        challenge = foreign.headers["WWW-Authenticate"]
        assert challenge.replace(OWN, "elucidata/none") == missing.headers["WWW-Authenticate"]
        assert challenge.startswith(f'Bearer realm="{service.url}/token",service="{service.url[7:]}",scope=')


def test_a_remembered_token_still_expires(monkeypatch: pytest.MonkeyPatch):
    authenticator = Authenticator(Signer(bytes(32)))
    token = authenticator.issue(Grant(accounts.ANONYMOUS, {"a/b": frozenset({"pull"})}))
    found = authenticator.grant(token)
    assert found is not None
    assert found.access == {"a/b": {"pull"}}
    assert authenticator.grant(token) is found, "verified once"
    later = time.time() + authentication.BEARER_LIFETIME + 1
    monkeypatch.setattr(authentication.time, "time", lambda: later)
    assert authenticator.grant(token) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(authentication, "_CACHE_SIZE", 3)
    authenticator = Authenticator(Signer(bytes(32)))
    tokens = [authenticator.issue(Grant(accounts.ANONYMOUS, {})) for _ in range(10)]
    assert all(authenticator.grant(token) for token in tokens)
    assert len(authenticator._known) == 3


def test_the_signing_key_is_kept_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "token.key"
    key = load_key(path)
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert load_key(path) == key
    path.write_bytes(b"short")
    with pytest.raises(StoreUnusable, match="damaged"):
        load_key(path)
