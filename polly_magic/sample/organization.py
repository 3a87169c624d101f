"""What the sample organisation holds, and how it is pushed.

``16june`` has a tag that was pushed twice: a report, and the report corrected. ``docker_demo/cache`` is nested and
public. ``workbench`` is worth looking into: a Python with NumPy, then also pandas, for two platforms.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polly_magic.errors import Conflict
from polly_magic.registry import RegistryClient
from polly_magic.sample import programs
from polly_magic.sample.images import Image, index_digest, put_image, put_index
from polly_magic.sample.layers import Entry, Layer, build_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from polly_magic.api import Client
    from polly_magic.models import Access

__all__ = ["Push", "push_sample"]

_TOKEN_LIFETIME = 600
_ENTRY_POINT = b'#!/bin/sh\n# Whatever is asked for, in the environment of the image.\nexec "$@"\n'
_REPORT = """#!/bin/sh
cat <<'END'
Counts of June 16, {state}
sample    reads   genes
s1      {s1:>7}   18211
s2      {s2:>7}   17903
s3      {s3:>7}   18040
END
"""
_CACHE = b"""key,value
reference,GRCh38
annotation,GENCODE 34
"""
_DESCRIBE = b"""import importlib.metadata, platform
print("Python", platform.python_version())
for found in sorted(importlib.metadata.distributions(), key=lambda found: found.name.lower()):
    print(found.name, found.version)
"""

# Packages of workbench 1.0, and what 2.0 has besides.
_FIRST = ("numpy",)
# Releases of python-dateutil that need no six do not install it.
_SECOND = tuple(name for name in ("pandas", "python-dateutil", "six") if programs.is_installed(name))


@dataclass(frozen=True)
class Push:
    """One push of the sample: images for one or more platforms under some tags.

    Parameters
    ----------
    repository : str
        Name in the organisation.
    tags : sequence of str
    images : sequence of Image
    by_colleague : bool
        Whether the second user pushes it, where there is one.
    """

    repository: str
    tags: Sequence[str]
    images: Sequence[Image]
    by_colleague: bool = False

    @property
    def digest(self) -> str:
        """What the tags point at."""
        return index_digest(self.images) if len(self.images) > 1 else self.images[0].digest


_REPOSITORIES: Mapping[str, tuple[str, Access]] = {
    "16june": ("Report on the counts of June 16, as published and as corrected", "private"),
    "docker_demo/cache": ("Reference data that every demo starts from", "public"),
    "workbench": ("Python for the bench: NumPy, and from 2.0 on pandas", "private"),
}


def push_sample(
    client: Client, colleague: Callable[[], Client] | None = None, note: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Create the repositories of the sample and push what is not there yet.

    Parameters
    ----------
    client : Client
        Of a user; the repositories come into being in this user's organisation.
    colleague : callable, optional
        Gives the client of another user of the same organisation, who pushes the first commit of ``16june``. Called
        only where there is something to push.
    note : callable, optional
        Is told each push.

    Returns
    -------
    list of str
        Full paths of the repositories.
    """
    organization = client.user.organization
    for name, (description, access) in _REPOSITORIES.items():
        with suppress(Conflict):
            client.create(f"{organization}/{name}", description=description, access=access)
    with tempfile.TemporaryDirectory(prefix="polly-sample-") as directory:
        for push in _pushes(Path(directory)):
            path = f"{organization}/{push.repository}"
            if missing := _missing(client, path, push):
                pusher = colleague() if colleague and push.by_colleague else client
                _push(pusher, path, push, missing, note)
    return [f"{client.registry}/{organization}/{name}" for name in _REPOSITORIES]


def _missing(client: Client, path: str, push: Push) -> list[str]:
    # Pushing the first of two commits again would make it active again: what was once pushed stays as it is.
    there = {commit.tag for commit in client.commits(path, commit_hash=push.digest)}
    return [tag for tag in push.tags if tag not in there]


def _push(client: Client, path: str, push: Push, tags: Sequence[str], note: Callable[[str], None]) -> None:
    token = client.registry_token("pull,push", _TOKEN_LIFETIME)
    with RegistryClient(client.registry, token.username, token.secret) as registry:
        for tag in tags:
            if len(push.images) > 1:
                put_index(registry, path, tag, push.images)
            else:
                put_image(registry, path, tag, push.images[0])
            note(f"{client.registry}/{path}:{tag}  {push.digest}")


def _pushes(directory: Path) -> list[Push]:
    def layer(name: str, entries: Mapping[str, Entry]) -> Layer:
        return build_layer(directory / f"{name}.tar.gz", entries)

    entry_point = {"opt/entry_point.sh": _ENTRY_POINT, "tmp/.keep": b"", "work/.keep": b""}
    shell = ("a shell from this machine", layer("shell", programs.shell() | entry_point))
    published = _REPORT.format(state="as published", s1=1204718, s2=998342, s3=1100257).encode()
    corrected = _REPORT.format(state="corrected: duplicates removed", s1=1093377, s2=911206, s3=1004981).encode()
    reports = [
        Image(
            [shell, ("add report.sh", layer(f"report-{version}", {"opt/report.sh": text}))],
            programs.architecture(),
            created,
            ["/bin/sh", "/opt/entry_point.sh"],
            ["/bin/sh", "/opt/report.sh"],
            {"PATH": "/usr/local/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib", "REPORT_VERSION": version},
            _labels("16june", version, _REPOSITORIES["16june"][0], created),
        )
        for version, text, created in [
            ("1", published, "2020-06-17T18:12:58Z"),
            ("2", corrected, "2020-06-17T19:03:35Z"),
        ]
    ]
    cache = Image(
        [shell, ("add reference data", layer("cache", {"data/reference.csv": _CACHE}))],
        programs.architecture(),
        "2020-06-01T09:00:00Z",
        ["/bin/sh", "/opt/entry_point.sh"],
        ["cat", "/data/reference.csv"],
        {"PATH": "/usr/local/bin:/bin", "LD_LIBRARY_PATH": "/usr/local/lib", "DATA": "/data"},
        _labels("docker_demo/cache", "1", _REPOSITORIES["docker_demo/cache"][0], "2020-06-01T09:00:00Z"),
    )
    library = (f"the standard library of {programs.PYTHON}", layer("library", programs.python_library()))
    describe = ("add describe.py", layer("describe", {"opt/describe.py": _DESCRIBE}))
    binaries = (
        f"{programs.PYTHON} for {programs.architecture()}",
        layer("binaries", programs.python_binaries(_FIRST + _SECOND)),
    )
    packages = {name: (f"pip install {name}", layer(name, programs.package(name))) for name in (*_FIRST, *_SECOND)}

    def workbench(version: str, created: str, names: Sequence[str]) -> list[Image]:
        settings = (
            created,
            ["/bin/sh", "/opt/entry_point.sh"],
            ["python3", "/opt/describe.py"],
            {
                "PATH": "/usr/local/bin:/bin",
                "LD_LIBRARY_PATH": "/usr/local/lib",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHOME": "/usr/local",
            },
            _labels("workbench", version, _REPOSITORIES["workbench"][0], created),
        )
        here = [shell, library, binaries, *(packages[name] for name in names), describe]
        # What does not depend on the platform is all that this machine has of the other one.
        other = "amd64" if programs.architecture() == "arm64" else "arm64"
        return [Image(here, programs.architecture(), *settings), Image([library, describe], other, *settings)]

    return [
        Push("16june", ["latest"], [reports[0]], by_colleague=True),
        Push("16june", ["latest"], [reports[1]]),
        Push("docker_demo/cache", ["latest"], [cache], by_colleague=True),
        Push("workbench", ["1.0"], workbench("1.0", "2024-02-01T10:00:00Z", _FIRST)),
        Push("workbench", ["2.0", "latest"], workbench("2.0", "2024-09-01T10:00:00Z", _FIRST + _SECOND)),
    ]


def _labels(title: str, version: str, description: str, created: str) -> dict[str, str]:
    values = {"title": title, "version": version, "description": description, "created": created}
    return {f"org.opencontainers.image.{name}": value for name, value in values.items()}
