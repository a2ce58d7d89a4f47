"""Owns what resident memory is made of: pages of files, Python's arenas, the C heap; each with what is in use of it.

Linux with glibc only. Sources: proc(5) `status`; `sys._debugmallocstats`; malloc_info(3), all of whose arenas count.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

KB = 1e3


@dataclass(frozen=True, slots=True)
class Made:
    """Megabytes, all of this process.

    ``anon`` and ``file`` are resident; ``python`` are the arenas of Python's small objects and ``python_used`` the
    blocks in them that live; ``heap`` is what glibc has from the kernel without what is mapped by itself, ``heap_free``
    what of it nobody uses, ``mapped`` what is; ``sqlite`` is SQLite's part of ``heap``, page caches mostly.
    """

    anon: float
    file: float
    python: float
    python_used: float
    heap: float
    heap_free: float
    mapped: float
    sqlite: float


def made_of() -> Made:
    """What it is now."""
    told = Path("/proc/self/status").read_text(encoding="ascii")
    resident = {name: int(kb) * 1024 / 1e6 for name, kb in re.findall(r"(Rss\w+):\s+(\d+) kB", told)}
    stats = _told_by_python()
    arenas = int(_found(r"# arenas allocated current\s+=\s+([\d,]+)", stats))
    arena = int(_found(r"arenas \* ([\d,]+) bytes/arena", stats))
    used = int(_found(r"# bytes in allocated blocks\s+=\s+([\d,]+)", stats))
    heap = _told_by_glibc()
    whole = heap.rpartition("</heap>")[2]
    return Made(
        anon=resident["RssAnon"],
        file=resident["RssFile"] + resident["RssShmem"],
        python=arenas * arena / 1e6,
        python_used=used / 1e6,
        heap=int(_found(r'<system type="current" size="(\d+)"', whole)) / 1e6,
        heap_free=sum(int(size) for size in re.findall(r'<total type="(?:fast|rest)" count="\d+" size="(\d+)"', whole))
        / 1e6,
        mapped=int(_found(r'<total type="mmap" count="\d+" size="(\d+)"', whole)) / 1e6,
        sqlite=_told_by_sqlite() / 1e6,
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"what the allocator tells has no {pattern!r}")
    return match[1].replace(",", "")


def _told_by_python() -> str:
    """It writes to the C standard error, which is another file meanwhile."""
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(2)
        try:
            os.dup2(file.fileno(), 2)
            sys._debugmallocstats()  # noqa: SLF001 - there is no other way to ask
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode("ascii")


def _told_by_glibc() -> str:
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    libc.fopen.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
    libc.fclose.argtypes = [ctypes.c_void_p]
    with tempfile.NamedTemporaryFile() as file:
        stream = libc.fopen(file.name.encode(), b"w")
        try:
            if not stream or libc.malloc_info(0, stream):
                raise OSError("glibc does not tell what its heap is made of")
        finally:
            if stream:
                libc.fclose(stream)
        return Path(file.name).read_text(encoding="ascii")


def _told_by_sqlite() -> int:
    """Of the library that this Python has loaded; nothing where it is built in."""
    try:
        library = ctypes.CDLL("libsqlite3.so.0")
    except OSError:
        return 0
    library.sqlite3_memory_used.restype = ctypes.c_longlong
    return int(library.sqlite3_memory_used())
