"""The running service against what docs/openapi.yaml says of it, with examples that schemathesis makes up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.service.running import ADMIN, RunningService

CONTRACT = Path(__file__).parents[2] / "docs" / "openapi.yaml"


def test_the_service_keeps_its_contract(service: RunningService, tmp_path: Path):
    service.create("elucidata/16june")
    command = [
        Path(sys.executable).with_name("schemathesis"),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        CONTRACT,
        f"--url={service.url}",
        f"--header=x-api-key: {service.keys[ADMIN]}",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=15",
        "--seed=1",
        "--checks=all",
        # The key that is sent along with every request is what these two would have to leave out.
        "--exclude-checks=ignored_auth,missing_required_header",
        "--request-timeout=10",
        "--no-color",
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
