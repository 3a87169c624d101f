"""Bearer tokens on /v2: what a request may do, decided without asking the database.

``/token`` (see `token_endpoint`) grants; a token says for five minutes what was granted. This is Docker token
authentication, https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from polly_magic.service.accounts import ANONYMOUS, Principal
from polly_magic.service.keys import CONFIG
from polly_magic.service.oci_errors import OciError
from polly_magic.service.tokens import Signer, TokenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ANONYMOUS", "AUTHENTICATOR", "Authenticator", "Grant", "Principal", "authorize", "base_url"]

BEARER_LIFETIME = 300
_CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Grant:
    """What a bearer token allows.

    Parameters
    ----------
    principal : Principal
    access : mapping of str to frozenset of str
        Actions (``pull``, ``push``, ``delete``) by path of the repository, ``organisation/name``.
    """

    principal: Principal
    access: Mapping[str, frozenset[str]]


class Authenticator:
    """Gives out bearer tokens and knows them again; a token is verified once, then remembered until it expires."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self._known: dict[str, tuple[float, Grant]] = {}

    def issue(self, grant: Grant) -> str:
        """Return a bearer token for `grant`."""
        principal = grant.principal
        claims: dict[str, Any] = {
            "access": [
                {"type": "repository", "name": path, "actions": sorted(actions)}
                for path, actions in grant.access.items()
            ]
        }
        if principal.user_id is not None:
            claims |= {
                "sub": str(principal.user_id),
                "email": principal.email,
                "organization_id": principal.organization_id,
                "organization": principal.organization,
                "role": principal.role,
                "key_id": principal.key_id,
            }
        return self.signer.sign("bearer", claims, lifetime=BEARER_LIFETIME)

    def grant(self, token: str) -> Grant | None:
        """Return what a bearer token allows; nothing if it is not one of ours or has expired."""
        known = self._known.get(token)
        if known is not None:
            expires_at, grant = known
            if time.time() < expires_at:
                return grant
            del self._known[token]
            return None
        try:
            claims = self.signer.verify("bearer", token)
        except TokenError:
            return None
        grant = _grant_of(claims)
        if len(self._known) >= _CACHE_SIZE:
            del self._known[next(iter(self._known))]
        self._known[token] = (claims["exp"], grant)
        return grant


AUTHENTICATOR: web.AppKey[Authenticator] = web.AppKey("authenticator", Authenticator)


def authorize(request: web.Request, path: str, *actions: str) -> Grant:
    """Return the grant of a request that may do `actions` on the repository at `path`.

    Parameters
    ----------
    request : web.Request
    path : str
        ``organisation/name``, or empty for ``/v2/`` itself, which asks for any valid token.
    *actions : str
        Of ``pull``, ``push`` and ``delete``.

    Raises
    ------
    OciError
        401 with the challenge that tells a client how to get a token that would do. A repository that does not exist
        and one that is none of the caller's business answer alike.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = request.app[AUTHENTICATOR].grant(token.strip()) if scheme.lower() == "bearer" else None
    if grant is None:
        raise _challenge(request, path, actions, "invalid_token" if scheme else None)
    if path and not grant.access.get(path, frozenset()).issuperset(actions):
        raise _challenge(request, path, actions, "insufficient_scope")
    return grant


def base_url(request: web.Request) -> str:
    """Return the URL of the service as the client knows it, without a slash at the end."""
    public = request.app[CONFIG].public_url
    return public.rstrip("/") if public else f"{request.scheme}://{request.host}"


def _challenge(request: web.Request, path: str, actions: Iterable[str], error: str | None) -> OciError:
    base = base_url(request)
    parts = {"realm": f"{base}/token", "service": base.partition("://")[2]}
    if path:
        parts["scope"] = f"repository:{path}:{','.join(actions)}"
    if error:
        parts["error"] = error
    header = "Bearer " + ",".join(f'{name}="{_quotable(value)}"' for name, value in parts.items())
    message = f"You are not logged in, or may not {' and '.join(actions)} {path}." if path else "You are not logged in."
    return OciError("UNAUTHORIZED", message, headers={"WWW-Authenticate": header})


def _quotable(text: str) -> str:
    # A host header can hold a quote; nothing that we put between quotes needs one.
    return text.replace("\\", "").replace('"', "")


def _grant_of(claims: dict[str, Any]) -> Grant:
    access = {entry["name"]: frozenset(entry["actions"]) for entry in claims["access"]}
    if "sub" not in claims:
        return Grant(ANONYMOUS, access)
    principal = Principal(
        int(claims["sub"]),
        claims["email"],
        claims["organization_id"],
        claims["organization"],
        claims["role"],
        claims["key_id"],
    )
    return Grant(principal, access)
