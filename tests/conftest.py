"""What every test stands on: an environment without the developer's settings, and hypothesis the same on every run."""

from __future__ import annotations

import decimal
import os
from pathlib import Path

import pytest
from hypothesis import settings

# A BALLAST_* variable of the shell would change what settings mean; here, before any module reads them.
for name in [name for name in os.environ if name.startswith("BALLAST_")]:
    del os.environ[name]

# The same examples on every run, and no deadline on a loaded machine. `--hypothesis-profile=explore` looks further.
settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("steady")


def pytest_runtest_setup() -> None:
    """Start every test in one decimal context: ccxt changes the one it finds, and a worker runs many tests."""
    decimal.setcontext(decimal.DefaultContext.copy())


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Return the folder of recorded market data that MARKET_DATA names; a test that needs it is skipped without."""
    folder = os.environ.get("MARKET_DATA")
    if not folder:
        pytest.skip("MARKET_DATA names no folder of recorded market data")
    path = Path(folder)
    assert path.is_dir(), f"MARKET_DATA is no folder: {path}"
    return path


LONGEST_FIRST = ("tests/e2e/", "tests/simulation/", "tests/wire/", "tests/property/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker sits idle while another ends with it."""

    def place(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONGEST_FIRST) if name in item.nodeid), len(LONGEST_FIRST))

    items.sort(key=place)
