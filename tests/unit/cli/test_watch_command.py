from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.unit.cli.ran import Ballast
from tests.unit.cli.recorded import a_record
from tests.unit.cli.snapshots import a_config_file


def test_where_nobody_watches_it_is_shown_once(ballast: Ballast) -> None:
    plans = asyncio.run(a_record(ballast.folder))
    ran = ballast("watch", "--config", a_config_file(ballast.folder))
    assert ran.code == 0
    assert "kill switch off" in ran.out
    assert all(each.decision_id in ran.out for each in plans)
    assert "\x1b[" not in ran.out


def test_where_nothing_is_recorded_it_is_one_line(ballast: Ballast) -> None:
    ran = ballast("watch", "--config", a_config_file(ballast.folder))
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)


def test_on_a_terminal_it_goes_on_until_ctrl_c(tmp_path: Path) -> None:
    asyncio.run(a_record(tmp_path))
    config = a_config_file(tmp_path)
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", "watch", "--config", str(config), "--every", "0.2"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "50", "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=env) as process:
        os.close(theirs)
        shown, until = b"", time.monotonic() + 30
        while shown.count(b"kill switch") < 3 and time.monotonic() < until:
            if select.select([mine], [], [], 0.2)[0]:
                shown += os.read(mine, 65536)
        process.send_signal(signal.SIGINT)
        until = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < until:  # nobody ends who waits for a reader
            if select.select([mine], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):  # the other end is gone
                    os.read(mine, 65536)
        assert process.poll() == 130
    os.close(mine)
    assert shown.count(b"kill switch") >= 3
