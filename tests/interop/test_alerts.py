"""The alerts, read by Prometheus' own tool."""

import subprocess

from tests.architecture.repository_files import ROOT
from tests.peers.programs import program


def test_prometheus_understands_the_alerts() -> None:
    """Every expression parses, and every annotation is a template that can be filled in."""
    file = ROOT / "deploy/prometheus/lading-alerts.yml"

    done = subprocess.run(
        [program("promtool"), "check", "rules", file], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout
