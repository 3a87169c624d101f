"""The first start makes an organisation and its administrator, where it is plain who that is."""

from __future__ import annotations

import getpass
import ipaddress
import re
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from polly_magic.service.accounts import create_organization, create_user
from polly_magic.service.schema import organizations, users

if TYPE_CHECKING:
    from polly_magic.service.config import Config

__all__ = ["is_loopback", "local_email", "make_first_account", "owner"]


def make_first_account(connection: Connection, config: Config) -> str | None:
    """Make the first account, unless there are any; return its address if one was made.

    On loopback that is whoever started the service, in an organisation of their name, unless `config` says otherwise.
    On any other address nobody is made without being named.
    """
    if connection.execute(select(organizations.c.id).limit(1)).first() is not None:
        return None
    if not is_loopback(config.host) and not (config.organization and config.email):
        return None
    email = config.email or local_email()
    organization = config.organization or _folded(_user_name(), "-")
    create_user(connection, email, create_organization(connection, organization), "admin")
    return email


def owner(connection: Connection) -> int | None:
    """Return the user that the owner of the data directory acts as: themselves, else the first administrator."""
    mine = select(users.c.id).where(users.c.email == local_email())
    first = select(users.c.id).where(users.c.role == "admin").order_by(users.c.id).limit(1)
    return connection.execute(mine).scalar() or connection.execute(first).scalar()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def local_email() -> str:
    """Return the address of the operating system's user on this machine."""
    return f"{_folded(_user_name(), '.')}@localhost"


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user number without a name, as in many containers
        return ""


def _folded(name: str, separator: str) -> str:
    r"""Keep of a name what the grammar of a path's component has.

    Examples
    --------
    >>> _folded("CORP\\Ada Lovelace", "-")
    'corp-ada-lovelace'
    """
    return re.sub("[^a-z0-9]+", separator, name.lower()).strip(separator)[:100].strip(separator) or "local"
