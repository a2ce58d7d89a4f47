"""Whose modules the time of the daemon's imports goes to, as the interpreter counts each module's own.

python -m benchmarks.peers.on_imports     prints a JSON line: shares by package
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

from benchmarks.peers.steps import DAEMON

TOLD = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)", re.MULTILINE)


def shares(text: str) -> dict[str, float]:
    """Parts of 1 by package, the greatest first."""
    spent = Counter[str]()
    for microseconds, package in TOLD.findall(text):
        spent[package] += int(microseconds)
    return {package: each / spent.total() for package, each in spent.most_common()}


def main() -> None:
    """Measure."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {DAEMON}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    print(json.dumps({"engine": "profile", "seconds": [], "rooms": shares(done.stderr)}))


if __name__ == "__main__":
    main()
