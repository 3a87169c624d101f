"""A repository service: the URL of its API and the host of its registry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from polly_magic.errors import UsageError

__all__ = ["POLLY", "Service", "polly", "service_at"]

_POLLY_HOST = re.compile(r"v2\.api\.([a-z0-9-]+)\.elucidata\.io")
_LABEL = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?!.{{254}}){_LABEL}(\.{_LABEL})*")


@dataclass(frozen=True)
class Service:
    """A repository service.

    Parameters
    ----------
    api_url : str
        Base of the API's URLs, without a slash at its end.
    registry : str
        Host of the registry, as it stands in a Docker reference.
    data : str, optional
        Data directory of the embedded service that ``login --local`` started; None for every other service.
    """

    api_url: str
    registry: str
    data: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return _is_loopback(urlsplit(self.api_url).hostname or "")


POLLY = Service("https://v2.api.polly.elucidata.io/dockers", "docker.polly.elucidata.io")


def service_at(url: str) -> Service:
    """Read the URL of a service.

    Parameters
    ----------
    url : str
        Base of its API. The registry is on the same host and port, except for Polly, whose hosts are known.

    Raises
    ------
    UsageError
        It is no URL of a service, or the key would cross a network in the clear.

    Examples
    --------
    >>> service_at("http://127.0.0.1:5005/")
    Service(api_url='http://127.0.0.1:5005', registry='127.0.0.1:5005', data=None)
    >>> service_at("https://v2.api.polly.elucidata.io/dockers") == POLLY
    True
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _no_service(url, str(error)) from error
    if parts.scheme not in ("http", "https") or not host:
        raise _no_service(url, "it starts with https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise _no_service(url, "it holds no user or password")
    if parts.query or parts.fragment:
        raise _no_service(url, "it has nothing after the path")
    if not (_HOST.fullmatch(host) or _is_address(host)):
        raise _no_service(url, f"{host!r} can be no host")
    if re.search(r"[^\x21-\x7e]", url.strip()):
        raise _no_service(url, "it is plain ASCII without spaces")
    if parts.scheme == "http" and not _is_loopback(host):
        raise _no_service(url, "http would send the key over the network in the clear; only this machine may do so")
    registry = _registry(host, port, parts)
    return Service(f"{parts.scheme}://{registry}{parts.path.rstrip('/')}", _polly_registry(host) or registry)


def polly(name: str = "polly") -> Service:
    """Return the Polly of this name.

    Raises
    ------
    UsageError
        It can be no name of a Polly.

    Examples
    --------
    >>> polly("testpolly").registry
    'docker.testpolly.elucidata.io'
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise UsageError(f"POLLY_TYPE is {name!r}, which is no name of a Polly.", "Unset it, or set it to polly.")
    return service_at(f"https://v2.api.{name}.elucidata.io/dockers")


def _polly_registry(host: str) -> str | None:
    match = _POLLY_HOST.fullmatch(host)
    return f"docker.{match[1]}.elucidata.io" if match else None


def _registry(host: str, port: int | None, parts: SplitResult) -> str:
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    return host if port in (None, default) else f"{host}:{port}"


def _is_loopback(host: str) -> bool:
    # Not names below localhost: not every resolver keeps them on this machine.
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _no_service(url: str, reason: str) -> UsageError:
    # A password or key that somebody put into it is not repeated.
    shown = re.sub(r"(?<=//)[^/]*@", "***@", re.split(r"[?#]", url)[0])
    return UsageError(f"{shown!r} is no URL of a service: {reason}.", f"A service's URL looks like {POLLY.api_url}")
