"""What the service speaks of, as plain values: no input or output here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Access = Literal["private", "public"]
Role = Literal["member", "admin"]
TagStatus = Literal["active", "inactive"]

__all__ = ["Access", "Commit", "Repository", "Role", "TagStatus", "User"]


@dataclass(frozen=True, slots=True)
class User:
    """Whoever is logged in.

    Parameters
    ----------
    email : str
    organization : str
        Name of the organisation, the first component of its repositories' paths.
    role : {"member", "admin"}
    """

    email: str
    organization: str
    role: Role


@dataclass(frozen=True, slots=True)
class Repository:
    """A Docker repository of an organisation.

    Parameters
    ----------
    path : str
        Full path as Docker takes it, ``host/organisation/name``.
    description : str
    created_by : str
        E-mail of the user who created it.
    created_at : datetime
        With time zone UTC.
    access : {"private", "public"}
    """

    path: str
    description: str
    created_by: str
    created_at: datetime
    access: Access


@dataclass(frozen=True, slots=True)
class Commit:
    """One push of a tag.

    Parameters
    ----------
    repository : str
        Full path of the repository, ``host/organisation/name``.
    tag : str
    commit_hash : str
        Digest of the manifest, ``sha256:`` and 64 hexadecimal digits.
    tag_status : {"active", "inactive"}
        Active while the tag points at this commit.
    pushed_by : str
        E-mail.
    pushed_at : datetime
        With time zone UTC.
    size : int
        Bytes of config and layers; the sum over the platforms of an index.
    media_type : str
        Of the manifest.
    platforms : tuple of str
        Such as ``("linux/amd64", "linux/arm64/v8")``.
    replaced_at : datetime, optional
        When the tag moved on, with time zone UTC. None while it is active, or where the service does not say.
    """

    repository: str
    tag: str
    commit_hash: str
    tag_status: TagStatus
    pushed_by: str
    pushed_at: datetime
    size: int
    media_type: str
    platforms: tuple[str, ...]
    replaced_at: datetime | None = None

    @property
    def pull_path(self) -> str:
        """What to hand to ``docker pull``: by tag while active, by digest once inactive."""
        if self.tag_status == "active":
            return f"{self.repository}:{self.tag}"
        return f"{self.repository}@{self.commit_hash}"
