"""What a process takes is told, and what it took for a large block for a while goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from bot.vitals import give_back_memory, memory_bytes

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
#: Blocks of 3 MB come and go, and after each a small one stays above it, so that a heap could not give the room back.
CUT = """
import ctypes, sys
from bot.vitals import give_back_memory, memory_bytes
if sys.argv[1] == "given back":
    give_back_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_void_p], [ctypes.c_size_t]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size, before = 3_000_000, 0
libc.free(libc.malloc(2 * size))  # from here on glibc has its like in its heap
for number in range(60):
    block = libc.malloc(size + number * 4096)
    libc.memset(block, 1, size)
    libc.memset(libc.malloc(4096), 1, 4096)
    libc.free(block)
    if number == 5:
        before = memory_bytes()
print(memory_bytes() - before)
"""


def test_what_a_process_has_resident_is_more_than_a_python_needs_to_start() -> None:
    assert 5_000_000 < memory_bytes() < 100_000_000_000


@glibc
def test_a_heap_that_large_blocks_would_make_grow_does_not() -> None:
    def grew(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", CUT, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert grew("given back") < 3_000_000 < grew("kept")


@glibc
def test_it_is_said_whether_the_library_can() -> None:
    assert give_back_memory()
