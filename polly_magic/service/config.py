"""How one service is set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Config"]


@dataclass(frozen=True)
class Config:
    """What `build_application` and `run` are told.

    Parameters
    ----------
    data : Path
        Directory that holds everything: database, blobs, signing key, lock, state and log.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes the one of last time where it is free, else any free one.
    public_url : str, optional
        Under which clients reach the service, where that is not what they name as the host (a TLS proxy in front).
    allow_delete : bool
        Whether administrators may delete tags, manifests and blobs of their organisation.
    organization, email : str, optional
        For the first start: the organisation and its administrator. On loopback both are derived from the operating
        system's user where they are not given; elsewhere nobody is made unless both are given.
    access_log : bool
        Whether each request is a line on stderr.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    public_url: str | None = None
    allow_delete: bool = False
    organization: str | None = None
    email: str | None = None
    access_log: bool = False

    @property
    def database(self) -> Path:
        """File of the database."""
        return self.data / "polly.sqlite3"

    @property
    def blobs(self) -> Path:
        """Directory of the blobs."""
        return self.data / "blobs"

    @property
    def uploads(self) -> Path:
        """Directory where blobs grow until they are complete; on the same file system."""
        return self.data / "uploads"
