"""Whoever changes the service sees within a minute whether it still keeps its word when it is killed; `make faults` is
the whole of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.process import ROOT


@pytest.mark.parametrize("scenario", ["sqlite-webhook", "postgres-two-webhook"])
def test_nothing_is_lost_and_nothing_done_twice_however_often_it_is_killed(scenario: str, tmp_path: Path) -> None:
    trial = subprocess.run(
        [
            *(sys.executable, "-W", "ignore:XDG_RUNTIME_DIR", "-m", "tests.faults", "--folder", str(tmp_path)),
            *("--scenario", scenario, "--kills", "5", "--people", "40", "--slowness", "0.3", "--seed", "suite"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert trial.returncode == 0, trial.stdout + trial.stderr
    assert "5 kills: 0 updates lost, 0 effects doubled." in trial.stdout
