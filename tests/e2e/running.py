"""The bot as a process of its own: `python running.py FILE [CYCLES]`, settings from file and environment."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bot.daemon import Daemon
from bot.settings import load
from bot.wiring import compose
from bot.wiring_host import set_up_logging


async def main(file: Path, cycles: int | None) -> int:
    settings = load(file, os.environ)
    set_up_logging(settings)
    body = await compose(settings, config_path=file, env=os.environ)
    return await Daemon(body).run(cycles)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)))
