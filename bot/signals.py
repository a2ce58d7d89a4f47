"""Owns which signals a process hears while it runs, and gives them back afterwards. Decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def heard(*, stop: Callable[[], None], halt: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGTERM and SIGINT ask for the end, SIGUSR1 for a halt; inside a running loop."""
    loop = asyncio.get_running_loop()
    wanted = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGUSR1: halt}
    taken = []
    for number, action in wanted.items():
        # Only the main thread of the main interpreter hears signals.
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, action)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
