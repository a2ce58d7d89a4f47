"""The same program under a later version's number: ``python -m tests.e2e.newer`` in the place of ``python -m bot``."""

from __future__ import annotations

import runpy

import bot

NEWER = "9.9.9"

if __name__ == "__main__":
    bot.__version__ = NEWER
    runpy.run_module("bot", run_name="__main__")
