"""``list --all`` of 10,000 repositories into a DataFrame, beside the bare requests and pandas floor."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pandas as pd
import requests

from benchmarks.measure import Comparison, compare
from polly_magic.api import Client
from polly_magic.frames import repositories_frame

if TYPE_CHECKING:
    from benchmarks.registries import Registry

REPOSITORIES = 10_000


def compare_listing(registry: Registry, client: Client) -> Comparison:
    """Measure, after making the repositories through the API."""
    existing = len(client.repositories())
    with ThreadPoolExecutor(4) as threads:
        names = [f"bench/repository-{number:05d}" for number in range(REPOSITORIES - existing)]
        list(threads.map(lambda name: client.create(name, description=f"The repository {name}"), names))

    def ours() -> float:
        begun = time.perf_counter()
        with Client(client.login) as fresh:
            frame = repositories_frame(fresh.repositories())
        taken = time.perf_counter() - begun
        assert len(frame) == REPOSITORIES
        return taken

    def floor() -> float:
        begun = time.perf_counter()
        rows: list[dict[str, str]] = []
        with requests.Session() as session:
            session.headers["x-api-key"] = client.login.key.reveal()
            url: str | None = f"http://{registry.host}/repositories?sort=-created_at&page[size]=1000"
            while url:
                page = session.get(url, timeout=60).json()
                rows += [resource["attributes"] for resource in page["data"]]
                url = page["links"].get("next")
        frame = pd.DataFrame(rows)
        taken = time.perf_counter() - begun
        assert len(frame) == REPOSITORIES
        return taken

    result = compare(
        f"list {REPOSITORIES} repositories, a DataFrame",
        "s",
        ours,
        floor,
        peer_name="floor",
        aim="at most 1.5",
        rounds=7,
    )
    print(result, flush=True)
    return result
