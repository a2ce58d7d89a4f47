"""Times the dashboard over a big record: every page, and what open pages cost the cycle in whose loop they are served.

    PYTHONPATH=. .venv/bin/python benchmarks/dashboard.py [--assets 100] [--decisions 100000] [--folder DIR]

A few real cycles of that many assets are recorded; then their decisions, equity, orders and refusals are written again
under new numbers and times until the record has as many as asked for. A page's time is from the request to its last
byte, asked by another process; with a Chromium named in CHROMIUM, also what a browser calls first contentful paint.
The cycle is timed by the processor time of its process, one alone and one with pages open in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from time import process_time

from benchmarks.cycle import STEP, Bench, a_bench
from bot.clocks import SystemClock, host_utc_now
from bot.ports.store import Identity
from bot.store.sql import SqlControls
from bot.store.sql.panorama import SqlPanorama
from bot.web.server import Dashboard
from bot.web.terms import Terms

MINE = Identity("main", "paper", "binance", "local")
TOKEN = "benchmark" * 5
PAGES = ("/", "/?only=out", "/decisions", "/decisions?before=40000", "/orders", "/futures", "/liquidity", "/what-if",
         "/controls", "/data/equity.json", "/api/v1/status", "/api/v1/decisions", "/metrics")  # fmt: skip
REAL = 24  # cycles of the engine
PAGE_MS = 1_000.0
BATCH = 2_000

#: Asked by another process, so that only answering costs this one: (address, token, pages, rounds, pause in s).
CLIENT = """
import json, sys, time, urllib.request
address, token, pages, rounds, pause = json.loads(sys.argv[1])
took = {page: [] for page in pages}
for number in range(rounds):
    for page in pages:
        begun = time.perf_counter()
        asked = urllib.request.Request(address + page, headers={"authorization": "Bearer " + token})
        with urllib.request.urlopen(asked) as answer:
            size = len(answer.read())
        took[page].append(((time.perf_counter() - begun) * 1e3, size))
        time.sleep(pause)
print(json.dumps(took))
"""
#: Asks for pages while a file is there, and says so: (address, token, pages, pause in s, file).
WATCHER = """
import itertools, json, os, sys, time, urllib.request
address, token, pages, pause, flag = json.loads(sys.argv[1])
for page in itertools.cycle(pages):
    while not os.path.exists(flag):
        time.sleep(0.02)
    asked = urllib.request.Request(address + page, headers={"authorization": "Bearer " + token})
    with urllib.request.urlopen(asked) as answer:
        answer.read()
    print("asked", flush=True)
    time.sleep(pause)
"""
PAINT = """
import json, sys
from playwright.sync_api import sync_playwright
address, token, pages, chromium = json.loads(sys.argv[1])
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"])
    page = browser.new_page()
    page.goto(address + "/sign-in")
    page.fill("#token", token)
    page.click("button.primary")
    told = {}
    for path in pages:
        page.goto(address + path)
        page.wait_for_timeout(500)
        told[path] = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
    browser.close()
print(json.dumps(told))
"""


def grown(path: Path, decisions: int) -> int:
    """Write the record's own rows again until it has so many decisions; the bytes it has then."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    rows = database.execute("SELECT * FROM decisions ORDER BY number").fetchall()
    worth = dict(database.execute("SELECT number, equity FROM equity").fetchall())
    orders = database.execute("SELECT * FROM orders ORDER BY id").fetchall()
    names = [row[1] for row in database.execute("PRAGMA table_info(orders)")]
    last_at = datetime.fromisoformat(rows[-1][4])
    count = len(rows)
    for start in range(count, decisions, BATCH):
        made, money, sent = [], [], []
        for number in range(start + 1, min(start + BATCH, decisions) + 1):
            old = rows[number % count]
            # Most cycles of a quiet portfolio hold; what acted or was refused is spread over the whole record.
            kind = rows[number % count] if number % 10 == 0 else next(row for row in rows if row[9] != "actions")
            at = (last_at + (number - count) * STEP).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            decision_id = f"d{number:015d}"
            made.append((old[0], number, decision_id, f"x{number}", at, *kind[5:]))
            money.append((old[0], number, at, worth.get(old[1]) or "1", "1"))
            if number % 2 == 0 and orders:
                order = dict(zip(names, orders[number % len(orders)], strict=True))
                order |= {"id": None, "client_id": f"b{number}", "decision_id": decision_id}
                order |= {"state": "filled", "created_at": at, "submitted_at": at}
                sent.append(tuple(order.values()))
        database.executemany(f"INSERT INTO decisions VALUES ({','.join('?' * len(rows[0]))})", made)  # noqa: S608
        database.executemany("INSERT INTO equity VALUES (?, ?, ?, ?, ?)", money)
        database.executemany(f"INSERT INTO orders VALUES ({','.join('?' * len(names))})", sent)  # noqa: S608
        database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size


def a_dashboard(url: str) -> Dashboard:
    return Dashboard(
        Terms(
            portfolio="main",
            mode="paper",
            venue="binance",
            environment="local",
            currency="USDT",
            version="0",
            panorama=SqlPanorama(url, MINE),
            controls=SqlControls(url, MINE, host_utc_now),
            token=TOKEN,
            utc_now=host_utc_now,
            mono=SystemClock().mono,
            cycle_s=1.0,
            port=0,
        )
    )


async def asked(script: str, *values: object) -> dict[str, list[tuple[float, int]]]:
    """What another process found."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, json.dumps(values), stdout=asyncio.subprocess.PIPE
    )
    text, _ = await child.communicate()
    found: dict[str, list[tuple[float, int]]] = json.loads(text)
    return found


async def alternated(bench: Bench, rounds: int, flag: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of this process's own time for each cycle, one alone and one with pages open in turn.

    Pages are answered in the same loop: what they take while a cycle waits for its venue is counted with the cycle.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(2 * rounds):
        watched = number % 2
        _raise(flag, up=bool(watched))
        await asyncio.sleep(0.5)  # what was asked for before is answered
        begun = process_time()
        await bench.cycle(STEP)
        taken[watched].append((process_time() - begun) * 1e3)
    _raise(flag, up=False)
    return taken


def _raise(flag: Path, *, up: bool) -> None:
    flag.touch() if up else flag.unlink(missing_ok=True)


def told(name: str, taken: list[float]) -> str:
    return f"{name:28} median {median(taken):7.1f} ms   19 of 20 under {quantiles(taken, n=20)[-1]:7.1f} ms"


async def disturbed(bench: Bench, rounds: int, url: str, folder: Path) -> None:
    """Print what a cycle takes of the processor alone and watched, in one run."""
    flag = folder / "watching"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCHER, json.dumps([url, TOKEN, ["/", "/decisions"], 0.3, str(flag)]),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        alone, watched = await alternated(bench, rounds, flag)
    finally:
        child.terminate()
    text, _ = await child.communicate()
    print("the cycle, milliseconds of the processor, in turn:")
    print(told("  alone", alone))
    print(told("  with pages open", watched))
    print(f"  {len(text.split())} pages were asked for meanwhile; ratio {median(watched) / median(alone):.2f}")


async def measured(assets: int, decisions: int, rounds: int, folder: Path) -> None:
    bench = await a_bench(assets, folder)
    for number in range(REAL):
        await bench.cycle(timedelta(hours=4) if number % 3 == 0 else STEP)
    path = folder / f"{assets}.db"
    size = grown(path, decisions) if decisions > REAL else path.stat().st_size
    print(f"{assets} assets, {decisions:,} decisions, {size / 1e6:,.0f} MB")
    dashboard = a_dashboard(f"sqlite+aiosqlite:///{path}")
    await dashboard.start()
    first = await asked(CLIENT, dashboard.url, TOKEN, PAGES, 1, 0.0)
    again = await asked(CLIENT, dashboard.url, TOKEN, PAGES, rounds, 0.0)
    chromium = os.environ.get("CHROMIUM", "")
    shown = [page for page in PAGES if not page.startswith(("/api", "/metrics", "/data"))]
    paint = await asked(PAINT, dashboard.url, TOKEN, shown, chromium) if chromium else {}
    print(f"{'page':26} {'first':>10} {'again':>10} {'size':>10} {'first paint':>12}")
    slow = []
    for page in PAGES:
        took = first[page][0][0]
        painted = f"{paint[page]:9.0f} ms" if paint.get(page) else ""
        print(
            f"{page:26} {took:7.0f} ms {median(each[0] for each in again[page]):7.0f} ms "
            f"{first[page][0][1] / 1e3:7.0f} kB {painted:>12}"
        )
        slow += [page] if took > PAGE_MS else []
    await asyncio.sleep(1)
    await disturbed(bench, rounds, dashboard.url, folder)
    await dashboard.stop()
    for close in bench.closes:
        await close()
    if slow:
        raise SystemExit(f"slower than {PAGE_MS:.0f} ms: {', '.join(slow)}")


def main() -> None:
    options = argparse.ArgumentParser(description="Times the dashboard over a big record.")
    options.add_argument("--assets", type=int, default=100)
    options.add_argument("--decisions", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--folder", type=Path, help="where the record is made (default: a temporary one)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        asyncio.run(measured(given.assets, given.decisions, given.rounds, Path(folder)))


if __name__ == "__main__":
    main()
