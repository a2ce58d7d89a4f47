"""The locks: every package by hash, no address, and the run lock's versions in the dev lock."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import ROOT

LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)(?P<marker> ; [^\\]*)?", re.MULTILINE)
ADDRESSES = ["://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ "]


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {found["name"]: found["version"] for found in PIN.finditer(text)}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert [word for word in ADDRESSES if word in text] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) == len(pins(lock)), "one version of each package, for every Python and platform"
    assert [line.split()[0] for line in lines if "--hash=sha256:" not in line] == []


def test_what_runs_in_development_is_what_runs_in_production() -> None:
    run, dev, build = (pins(lock) for lock in LOCKS)
    assert {name: version for name, version in run.items() if dev.get(name) != version} == {}
    assert {name: version for name, version in build.items() if dev.get(name, version) != version} == {}


def test_the_dev_lock_can_be_installed_where_there_is_no_uv() -> None:
    assert "uv" not in pins("requirements-dev.lock")
    assert {"hatchling", "uv"} <= pins("requirements-build.lock").keys()


def test_the_run_lock_holds_nothing_that_only_slows_an_import() -> None:
    assert {"pandas", "polars", "scipy"} & pins("requirements.lock").keys() == set(), (
        "TA-Lib imports them if they are there"
    )
