"""Owns the door of the program: `ballast`, and `python -m bot`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a bar's marks shows question marks instead of failing.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from bot.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
