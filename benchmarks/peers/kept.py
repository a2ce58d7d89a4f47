"""What was measured so far, in a file: an interrupted run goes on where it was, and a table is made of it again.

A sample is what one process told, under the key of its step; it carries the stamp of the sources that it was measured
with, so that what was measured with others is measured anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TypedDict, cast

LONG_S = 60.0  # of processor time: one round is enough


class Sample(TypedDict, total=False):
    """One process: the JSON lines it printed, or why it could not; all else says when and of what."""

    lines: list[dict[str, object]]
    failed: str
    took: float  # processor seconds of the whole process
    stamp: str
    commit: str
    at: str  # date, UTC


def timed(sample: Sample) -> float:
    """Seconds of a sample's lines, in all: what an engine took, without what was prepared or compiled before."""
    return sum(sum(cast("list[float]", line["seconds"])) for line in sample["lines"])


class Kept:
    """Samples by the key of their step, written down after each."""

    def __init__(self, path: Path) -> None:
        """Read what is there."""
        self.path = path
        self._samples: dict[str, list[Sample]] = {}
        if path.exists():
            self._samples = json.loads(path.read_text(encoding="utf-8"))["samples"]

    def samples(self, key: str) -> Sequence[Sample]:
        """All of a step."""
        return self._samples.get(key, [])

    def good(self, key: str) -> Sequence[Sample]:
        """Those that told something."""
        return [each for each in self.samples(key) if "failed" not in each]

    def reason(self, key: str) -> str:
        """Why a step has nothing; empty where it has, or was not tried."""
        tried = self.samples(key)
        return tried[-1].get("failed", "") if tried and not self.good(key) else ""

    def add(self, key: str, sample: Sample) -> None:
        """Keep; what failed before is forgotten."""
        self._samples[key] = [*self.good(key), sample]
        self._write()

    def drop_others(self, stamps: Mapping[str, str]) -> list[str]:
        """Forget samples of these steps that other sources gave; the keys of those that lost some."""
        lost = []
        for key, stamp in stamps.items():
            had = self._samples.get(key, [])
            left = [each for each in had if each.get("stamp") == stamp]
            if len(left) < len(had):
                lost.append(key)
                self._samples[key] = left
        if lost:
            self._write()
        return lost

    def drop(self, keys: Iterable[str]) -> None:
        """Forget these steps."""
        for key in keys:
            self._samples.pop(key, None)
        self._write()

    def long(self, key: str) -> bool:
        """Whether a round of a step takes minutes."""
        good = self.good(key)
        return bool(good) and median(timed(each) for each in good) > LONG_S

    def enough(self, key: str, rounds: int) -> bool:
        """Whether a step has its rounds: as many as asked for, and one where a round takes minutes."""
        return len(self.good(key)) >= rounds or self.long(key)

    def _write(self) -> None:
        """At once and whole: a kill leaves the file before or the file after."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps({"samples": self._samples}, indent=1) + "\n", encoding="utf-8")
        beside.replace(self.path)
