"""One registry: blobs, manifests and tags, each verified against its digest on the way."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from polly_magic.errors import NotFound, Rejected, ServiceFailure
from polly_magic.references import is_digest
from polly_magic.registry.authentication import Authenticator, origin, parse_challenges
from polly_magic.registry.failures import failure, unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from polly_magic.redaction import Secret

__all__ = ["Manifest", "RegistryClient"]

# What is read into memory at a time and sent as one piece: large enough to hide the round trip of each.
CHUNK = 16 << 20
MANIFEST_LIMIT = 4 << 20
_PAGE = 1000
_PAGES = 10_000
# The second is for the registry's flush of a large blob to its disk.
_TIMEOUT = (10, 300)

_ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "*/*;q=0.1",
    ]
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index as the registry keeps it.

    Parameters
    ----------
    digest : str
    media_type : str
    content : bytes
        Exactly what the digest is of.
    """

    digest: str
    media_type: str
    content: bytes


class RegistryClient:
    """Blobs, manifests and tags of one registry.

    Parameters
    ----------
    registry : str
        Host, and port where there is one. A registry on loopback is spoken to in plain HTTP, any other by https.
    username, password : optional
        For the registry's tokens; anonymous without.

    Examples
    --------
    >>> with RegistryClient("docker.polly.elucidata.io") as registry:
    ...     print(registry.url)
    https://docker.polly.elucidata.io
    """

    def __init__(self, registry: str, username: str | None = None, password: Secret | None = None) -> None:
        self.registry = registry
        loopback = _is_loopback(registry)
        self.url = f"{'http' if loopback else 'https'}://{registry}"
        self._session = requests.Session()
        # A proxy cannot reach this machine's loopback; and no ~/.netrc answers for us.
        self._session.trust_env = not loopback
        self._session.auth = _keep_header
        retry = Retry(3, backoff_factor=0.3, status_forcelist=(429, 502, 503, 504), allowed_methods=("GET", "HEAD"))
        retry.raise_on_status = False
        self._session.mount(f"{self.url}/", HTTPAdapter(max_retries=retry))
        self._authenticator = Authenticator(self._session, self.url, username, password)

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def has_blob(self, path: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        try:
            self._request("HEAD", f"/v2/{path}/blobs/{digest}", _pull(path))
        except NotFound:
            return False
        return True

    def put_blob(self, path: str, content: bytes | IO[bytes], digest: str | None = None) -> str:
        """Upload a blob, unless the repository has it, and return its digest.

        What fits into one chunk goes in one piece; a longer stream goes chunk by chunk in constant memory.

        Parameters
        ----------
        path : str
            Of the repository, without host.
        content : bytes or binary file
        digest : str, optional
            What the content must have; where it is given, a blob that is there already is not read.

        Raises
        ------
        Rejected
            The content is not of this digest, or the registry refuses it.
        """
        if digest and self.has_blob(path, digest):
            return digest
        first = content if isinstance(content, bytes) else _read(content, CHUNK)
        algorithm = (digest or "sha256").partition(":")[0]
        hashed = hashlib.new(algorithm, first)
        if isinstance(content, bytes) or len(first) < CHUNK:
            actual = _agreed(f"{algorithm}:{hashed.hexdigest()}", digest)
            if digest is None and self.has_blob(path, actual):
                return actual
            self._request("PUT", _with_digest(self._start_upload(path), actual), _push(path), first)
            return actual
        location, sent, chunk = self._start_upload(path), 0, first
        while chunk:
            span = {"Content-Range": f"{sent}-{sent + len(chunk) - 1}"}
            response = self._request("PATCH", location, _push(path), chunk, span)
            location = self._location(response)
            sent += len(chunk)
            chunk = _read(content, CHUNK)
            hashed.update(chunk)
        actual = _agreed(f"{algorithm}:{hashed.hexdigest()}", digest)
        self._request("PUT", _with_digest(location, actual), _push(path), b"")
        return actual

    def get_blob(self, path: str, digest: str) -> Iterator[bytes]:
        """Download a blob piece by piece.

        Yields
        ------
        bytes
            What came last may be used once the iteration has ended: only then is the whole blob verified.

        Raises
        ------
        ServiceFailure
            At the end, where it was not the blob of this digest, or cut short.
        """
        response = self._request("GET", f"/v2/{path}/blobs/{digest}", _pull(path), stream=True)
        hashed = hashlib.new(digest.partition(":")[0])
        with response:
            try:
                for piece in response.iter_content(1 << 20):
                    hashed.update(piece)
                    yield piece
            except requests.RequestException as error:
                raise unreachable(self.url, error) from None
        self._check(f"the blob {digest} of {path}", hashed.hexdigest(), digest)

    def get_manifest(self, path: str, reference: str) -> Manifest:
        """Return the manifest or index of a tag or digest.

        Raises
        ------
        NotFound
            No such tag or digest, or no access to it.
        ServiceFailure
            The content is not of its digest, or larger than a manifest may be.
        """
        headers = {"Accept": _ACCEPT}
        response = self._request("GET", f"/v2/{path}/manifests/{reference}", _pull(path), None, headers, stream=True)
        content = b""
        with response:
            try:
                for piece in response.iter_content(1 << 16):
                    content += piece
                    if len(content) > MANIFEST_LIMIT:
                        raise ServiceFailure(
                            f"The manifest {path}:{reference} has more than 4 MiB.", "Is that a registry?"
                        )
            except requests.RequestException as error:
                raise unreachable(self.url, error) from None
        said = response.headers.get("Docker-Content-Digest", "")
        digest = reference if is_digest(reference) else said if is_digest(said) else _digest(content)
        algorithm = digest.partition(":")[0]
        self._check(f"the manifest {reference} of {path}", hashlib.new(algorithm, content).hexdigest(), digest)
        return Manifest(digest, response.headers.get("Content-Type", "").partition(";")[0].strip(), content)

    def put_manifest(self, path: str, reference: str, content: bytes, media_type: str) -> str:
        """Put a manifest or index under a tag or its digest, and return its digest."""
        digest = reference if is_digest(reference) else _digest(content)
        headers = {"Content-Type": media_type}
        response = self._request("PUT", f"/v2/{path}/manifests/{reference}", _push(path), content, headers)
        said = response.headers.get("Docker-Content-Digest", digest)
        self._check(f"the manifest {reference} of {path}", said.partition(":")[2], digest)
        return digest

    def tags(self, path: str) -> list[str]:
        """All tags of a repository, in the registry's order."""
        url, tags = f"{self.url}/v2/{path}/tags/list?n={_PAGE}", list[str]()
        for _ in range(_PAGES):
            response = self._request("GET", url, _pull(path))
            try:
                tags += response.json()["tags"] or []
            except (ValueError, KeyError, TypeError):
                raise ServiceFailure(f"{url} answered without tags.", "Is that a registry?") from None
            following = response.links.get("next", {}).get("url")
            if not following:
                return tags
            url = self._own(urljoin(url, following))
        raise ServiceFailure(f"{self.url} lists the tags of {path} without end.", "Tell the registry's administrator.")

    def _start_upload(self, path: str) -> str:
        return self._location(self._request("POST", f"/v2/{path}/blobs/uploads/", _push(path), b""))

    def _location(self, response: requests.Response) -> str:
        location = response.headers.get("Location")
        if not location:
            raise ServiceFailure(f"{self.url} did not say where an upload goes on.", "Is that a registry?")
        return self._own(urljoin(response.url, location))

    def _own(self, url: str) -> str:
        if origin(url) != origin(self.url):
            raise ServiceFailure(
                f"{self.url} sends us on to {url.partition('?')[0]}, which is not the registry.",
                "Behind a reverse proxy the registry must know its public address.",
            )
        return url

    def _request(
        self,
        method: str,
        url: str,
        scope: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        stream: bool = False,
    ) -> requests.Response:
        """Ask, answer a challenge once, and raise what is no success. A body is bytes, so that it can be sent twice."""
        url = urljoin(self.url, url)
        sent = {"Content-Type": "application/octet-stream", **(headers or {})} if body else headers or {}
        for attempt in (1, 2):
            header = self._authenticator.header(scope)
            authorized = {**sent, "Authorization": header.reveal()} if header else sent
            try:
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    headers=authorized,
                    timeout=_TIMEOUT,
                    stream=stream,
                    # to where the registry keeps its blobs; requests takes the token off on the way to another host
                    allow_redirects=method in ("GET", "HEAD"),
                )
            except requests.RequestException as error:
                raise unreachable(self.url, error) from None
            if response.ok and not response.is_redirect:
                return response
            challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
            if response.status_code != 401 or attempt == 2 or not self._authenticator.answer(challenges, scope):
                break
        with response:
            if response.status_code == 401 and not self._authenticator.anonymous:
                # A missing repository and one of others look alike: a token was given, and it is not enough.
                repository = scope.split(":")[1]
                raise NotFound(
                    f"{self.registry} has no repository {repository!r} that you may {scope.rpartition(':')[2]}.",
                    "See %polly_dockers list --all, or create it with %polly_dockers create --name NAME",
                )
            raise failure(response)

    def _check(self, what: str, actual: str, digest: str) -> None:
        if actual != digest.partition(":")[2]:
            raise ServiceFailure(
                f"{self.url} gave something else than {what}: its content does not have the digest {digest}.",
                "Try again; if it stays so, the registry is damaged: tell its administrator.",
            )


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0] if registry.rpartition(":")[2].isdigit() else registry
    try:
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _keep_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _pull(path: str) -> str:
    return f"repository:{path}:pull"


def _push(path: str) -> str:
    return f"repository:{path}:pull,push"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _agreed(actual: str, expected: str | None) -> str:
    if expected and actual != expected:
        raise Rejected(f"The content has the digest {actual}, not {expected}.", "Was the file changed meanwhile?")
    return actual


def _with_digest(location: str, digest: str) -> str:
    return f"{location}{'&' if '?' in location else '?'}digest={digest}"


def _read(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes, fewer only at the end: a pipe gives less than it is asked for."""
    pieces: list[bytes] = []
    while size > 0 and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
