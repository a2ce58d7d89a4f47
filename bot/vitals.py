"""Owns what this process takes of its machine. Decides nothing."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

STATM: Final = Path("/proc/self/statm")


def memory_bytes() -> int:
    """Resident memory of this process; where the system does not tell, the most it ever had."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
