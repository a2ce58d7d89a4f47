"""The soak, short: whole cycles of a real daemon over HTTP, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(180)


def test_neither_files_nor_tasks_grow_with_the_cycles(tmp_path: Path) -> None:
    wanted = ["--cycles", "24", "--every", "2", "--folder", "record", "--figures", "figures.json"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "soak.py"), *wanted],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=170,
        check=False,
    )  # fmt: skip
    assert "cycle=24" in done.stdout, done.stdout + done.stderr
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert found["cycles"] == 24
    assert found["orders"] > 0
    for name in ("files", "tasks", "threads"):
        least, _, most = found[name].partition("..")
        assert int(most) - int(least) <= 1, f"{name}: {found[name]}"
