"""A process's own resident memory, as the kernel counts it since the process's program was loaded."""

from __future__ import annotations

import re
from pathlib import Path

COUNTED = re.compile(r"^(VmRSS|VmHWM):\s+(\d+) kB$", re.MULTILINE)


def resident(process: int | str = "self") -> dict[str, float]:
    """Megabytes: ``resident_mb`` now, ``peak_mb`` at most so far."""
    told = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = {name: int(kb) / 1024 for name, kb in COUNTED.findall(told)}
    return {"resident_mb": found["VmRSS"], "peak_mb": found["VmHWM"]}
