"""Walks a newcomer's path from a fresh clone and times each step: to a first decision, then to one's own targets.

    PYTHONPATH=. .venv/bin/python benchmarks/newcomer.py [--write docs/going-live.md]

The clone is of this repository's last commit, in a folder that is thrown away. Installing takes what the machine's
package cache and network give. Without a way to a real venue the last step asks a local exchange in its place: the same
calls of the same client, only the address differs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 180.0
INIT = "ballast init my.yaml --venue binance --environment production --targets BTC=0.5,ETH=0.3 --risk balanced"
BEGIN, END = "<!-- newcomer -->", "<!-- /newcomer -->"

#: `ballast run --config my.yaml`, except that a local exchange answers for the venue.
RUN = """
import asyncio, os, sys
from pathlib import Path
from bot.daemon import Daemon
from bot.settings import load
from bot.wiring import compose
from bot.wiring_host import set_up_logging
from bot.wiring_web import dashboard_beside
async def main():
    settings = load(Path("my.yaml"), os.environ)
    set_up_logging(settings)
    body = await compose(settings, config_path=Path("my.yaml"), env=os.environ, stand_in=sys.argv[1])
    async with dashboard_beside(settings):
        await Daemon(body).run(None)
asyncio.run(main())
"""


class _Walk:
    """Steps with the seconds each took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[tuple[str, str, float]] = []
        self.log = folder.parent / "log"

    def step(self, what: str, typed: str, do: Callable[[], object]) -> None:
        begun = time.perf_counter()
        do()
        self.steps.append((what, typed, time.perf_counter() - begun))
        sys.stderr.write(f"{self.steps[-1][2]:7.1f} s  {what}\n")

    def run(self, *command: str) -> None:
        done = subprocess.run(  # noqa: S603 - our own commands
            command, cwd=self.folder, env=self.env(), capture_output=True, text=True, check=False
        )
        if done.returncode not in (0, 2):
            raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")

    def env(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BALLAST_")}
        return {**clean, "PATH": f"{self.folder}/.venv/bin:{clean['PATH']}", "BALLAST_WEB__PORT": "0"}

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own commands
                command, cwd=self.folder, env=self.env(), stdout=log, stderr=log, start_new_session=True
            )

    def until(self, process: subprocess.Popen[bytes], pattern: str) -> str:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace"))
            if found:
                return found[found.re.groups]
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"{pattern!r} was not said: {self.log.read_text(encoding='utf-8')[-2_000:]}")

    def decided(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the dashboard shows a decision."""
        url = self.until(process, r'"url": "([^"]+)", "token_file"')
        token = (self.folder / "data" / "web.token").read_text(encoding="ascii").strip()
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            bearer = {"authorization": f"Bearer {token}"}
            asked = urllib.request.Request(f"{url}/api/v1/decisions?limit=1", headers=bearer)  # noqa: S310 - ours
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 - ours
                if "decision_id" in json.dumps(json.load(answer)):
                    return
            time.sleep(0.1)
        raise SystemExit("no decision came")


def ended(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


def walked(folder: Path) -> _Walk:
    walk = _Walk(folder)
    clone = ("git", "clone", "-q", str(ROOT), str(folder))
    walk.step("the clone", "git clone …", lambda: subprocess.run(clone, check=True))  # noqa: S603
    started: list[subprocess.Popen[bytes]] = []

    def first() -> None:
        started.append(walk.start("make", "run"))
        walk.until(started[0], r"\n(ready)\n")

    try:
        walk.step("installed", "make run", first)
        walk.step("the first decision on the dashboard", "", lambda: walk.decided(started[0]))
    finally:
        ended(started.pop())
    walk.step("own targets written", INIT, lambda: walk.run(*INIT.split()))
    walk.step(
        "what they mean",
        "ballast check --config my.yaml",
        lambda: walk.run(*["ballast", "check", "--config", "my.yaml"]),
    )
    exchange = walk.start("ballast", "local-exchange", "--port", "0", "--speed", "1")
    try:
        url = walk.until(exchange, r"local exchange at (http://[^,\s]+)")
        walk.log = walk.log.with_name("own")
        started.append(walk.start(f"{folder}/.venv/bin/python", "-c", RUN, url))
        typed = "ballast run --config my.yaml"
        walk.step("the first decision on them, prices from the venue", typed, lambda: walk.decided(started[0]))
    finally:
        for process in (*started, exchange):
            ended(process)
    return walk


def table(walk: _Walk) -> str:
    asked = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    lines = ["| you type | until | seconds |", "| --- | --- | ---: |"]
    lines += [f"| {f'`{typed}`' if typed else ''} | {what} | {took_s:.1f} |" for what, typed, took_s in walk.steps]
    whole = sum(took_s for _, _, took_s in walk.steps)
    return "\n".join([*lines, f"| | in all, at commit {commit.stdout.strip()} | {whole:.0f} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, help="a page whose table is made anew")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        made = table(walked(Path(folder) / "ballast"))
    print(made)
    if asked.write:
        text = asked.write.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        asked.write.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
