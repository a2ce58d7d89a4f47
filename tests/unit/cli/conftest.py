from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.cli.ran import Ballast


@pytest.fixture
def ballast(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ballast:
    """The command line, run in an empty folder; no variable of the machine's reaches it."""
    for name in [name for name in os.environ if name.startswith("BALLAST_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Ballast(tmp_path, capsys, monkeypatch)
