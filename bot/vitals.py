"""Owns what this process takes of its machine, and what it gives back. Decides nothing."""

from __future__ import annotations

import contextlib
import ctypes
import resource
from pathlib import Path
from typing import Final

STATM: Final = Path("/proc/self/statm")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)
LARGE: Final = 256 * 1024  # bytes from which a block is mapped by itself, and goes back whole when it is freed


def memory_bytes() -> int:
    """Resident memory of this process; where the system does not tell, the most it ever had."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def give_back_memory() -> bool:
    """Let large blocks go back to the system for good, in a process that runs for months; whether the C library can.

    glibc takes a large block that was freed as a reason to keep its like in its heap (up to 32 MB), where small ones
    that live on cut the room for the next: the heap then grows by one such block after the other.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        return bool(libc.mallopt(M_MMAP_THRESHOLD, LARGE)) and bool(libc.mallopt(M_TRIM_THRESHOLD, 4 * LARGE))
    return False
