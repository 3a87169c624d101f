"""Who is logged in, and short-lived passwords for the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from polly_magic.api.contract import attributes, text, time, word
from polly_magic.models import Role, User
from polly_magic.redaction import Secret

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["RegistryToken", "Scope", "read_token", "read_user"]

Scope = Literal["pull", "pull,push"]
_ROLES = frozenset({"member", "admin"})


@dataclass(frozen=True, slots=True)
class RegistryToken:
    """A short-lived password for the registry.

    Parameters
    ----------
    username : str
        What to log in as: ``POLLY``.
    secret : Secret
        The password.
    expires_at : datetime
        With time zone UTC.
    """

    username: str
    secret: Secret
    expires_at: datetime


def read_user(resource: object) -> User:
    """Make a model of a resource object."""
    values = attributes(resource, "users")
    return User(text(values, "email"), text(values, "organization"), cast("Role", word(values, "role", _ROLES)))


def read_token(resource: object) -> RegistryToken:
    """Make a model of a resource object."""
    values = attributes(resource, "registry-tokens")
    return RegistryToken(text(values, "username"), Secret(text(values, "password")), time(values, "expires_at"))
