"""Runs a command and prints what its process took: processor seconds and the peak of its own resident memory.

    python -I -S benchmarks/peers/launch.py COMMAND ...      prints {"seconds": [..], "peak_mb": .., "floor_mb": ..}

A child's peak is told no lower than its parent's: a parent that has numpy in it hides what a small child takes. This
one imports next to nothing; ``floor_mb`` is its own peak, below which nothing can be told.
"""

import json
import os
import sys

COMMAND = sys.argv[1:]
nothing = os.open(os.devnull, os.O_WRONLY)
process = os.posix_spawn(
    COMMAND[0], COMMAND, os.environ,
    file_actions=[(os.POSIX_SPAWN_DUP2, nothing, 1), (os.POSIX_SPAWN_DUP2, nothing, 2)],
)  # fmt: skip
_, status, used = os.wait4(process, 0)
if status:
    raise SystemExit(f"{' '.join(COMMAND[:4])} ended with {os.waitstatus_to_exitcode(status)}")
with open("/proc/self/status", encoding="ascii") as status_of_mine:  # noqa: PTH123 - pathlib is a fifth of this process
    floor = next(int(line.split()[1]) for line in status_of_mine if line.startswith("VmHWM"))
told = {"seconds": [used.ru_utime + used.ru_stime], "peak_mb": used.ru_maxrss / 1024, "floor_mb": floor / 1024}
print(json.dumps(told))
