"""The tables of docs/performance.md, made of what was kept; nothing in them is put in by hand."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from benchmarks.peers import figures
from benchmarks.peers.figures import Seen, aim, met, middle, part, seen, time, versus
from benchmarks.peers.kept import Kept, Sample
from benchmarks.peers.steps import HELP, IMPORTS, RUNS, THEIR_IMPORTS, THEIR_RUNS, VERSION, Step

NAMES = ("peers", "live", "start", "requests")  # of the marks on the page
OURS = "ballast"
TOLD, LEAST = 6, 0.01  # how many shares of a profile are told, and from which
ENGINES = (
    "numba loop", "vectorbt", OURS, "bt", "NautilusTrader", "backtrader", "freqtrade", "ballast, every bar",
)  # fmt: skip
REQUESTS = re.compile(r"<!-- requests -->\n(.*?)<!-- /requests -->", re.DOTALL)
CALLS = 6  # that a quiet cycle was to be content with, at any width


def of(kept: Kept, steps: Iterable[Step], section: str) -> list[Step]:
    """The steps of a section, none where nothing of it was measured."""
    chosen = [step for step in steps if step.section == section]
    return chosen if any(kept.good(step.key) for step in chosen) else []


def engines(kept: Kept, steps: Iterable[Step]) -> dict[int, dict[str, Seen | str]]:
    """By width and engine: what was seen, or why nothing was."""
    made: dict[int, dict[str, Seen | str]] = {}
    for step in steps:
        for engine in step.engines:
            found = seen(kept.good(step.key), engine) or kept.reason(step.key)
            if found:
                made.setdefault(step.width, {})[engine] = found
    return made


def note(line: dict[str, object], bars: int) -> str:
    """What an engine's figure needs beside it."""
    if "decided" in line:
        return f"{line['decided']:,} of {bars:,} bars decided"
    if "first" in line and line["engine"] == "vectorbt":
        return f"its first call compiles: {line['first']:.0f} s"
    return str(line.get("note", ""))


def backtest(kept: Kept, steps: Sequence[Step], bars: int) -> list[str]:
    """A row per width and engine."""
    lines = [
        "| coins | engine | processor time | rounds | ours is | asked for | equity apart | |",
        "| --: | --- | --: | --: | --: | --: | --: | --- |",
    ]
    chosen = of(kept, steps, "backtest")
    for width, found in engines(kept, chosen).items():
        ours = found.get(OURS)
        for name in (each for each in ENGINES if each in found):
            one = found[name]
            if isinstance(one, str):
                lines.append(f"| {width} | {name} | not measured | | | | | {one} |")
                continue
            ratio = one.seconds / ours.seconds if isinstance(ours, Seen) and name != OURS else None
            compared = versus(ratio) if ratio else ""
            asked = aim(ratio, figures.BACKTEST_AIMS[name]) if ratio and name in figures.BACKTEST_AIMS else ""
            apart = f"{cast('float', one.line['apart']):.0e}"
            told = (time(one.seconds), str(one.rounds), compared, asked, apart, note(one.line, bars))
            lines.append(f"| {width} | {name} | {' | '.join(told)} |")
    return [*lines, "", *rooms(kept, chosen, "coins"), under(kept, chosen)] if chosen else []


def rooms(kept: Kept, steps: Iterable[Step], what: str) -> list[str]:
    """Where our time goes, a sentence for each profile."""
    made = []
    for step in steps:
        for line in (each for sample in kept.good(step.key) for each in sample["lines"] if "rooms" in each):
            parts = list(cast("dict[str, float]", line["rooms"]).items())
            chief = [(name, share) for name, share in parts[:TOLD] if share >= LEAST]
            told = ", ".join(f"`{name}` {share:.0%}" for name, share in chief)
            rest = 1 - sum(share for _, share in chief)
            kind = str(line["engine"]).removeprefix("profile")
            width = f", {step.width} {what}" if step.width else ""
            made.append(f"Where ours goes under a profiler{width}{kind}: {told}, all else {rest:.0%}.")
    return made


def picture(kept: Kept, steps: Sequence[Step]) -> dict[int, dict[str, float]]:
    """Seconds by width and engine, for the plot."""
    found = engines(kept, of(kept, steps, "backtest"))
    made = {
        width: {name: one.seconds for name, one in group.items() if isinstance(one, Seen)}
        for width, group in found.items()
    }
    return {width: group for width, group in made.items() if group}


def live(kept: Kept, steps: Sequence[Step]) -> list[str]:
    """A row per number of pairs; a share is of freqtrade's time."""
    lines = [
        "| pairs | freqtrade, new bar | ours, new bar | of freqtrade | asked for | ours, no new bar | of freqtrade | |",
        "| --: | --: | --: | --: | --- | --: | --: | --- |",
    ]
    chosen = of(kept, steps, "live")
    for width, found in engines(kept, chosen).items():
        theirs, cells = found.get("freqtrade"), []
        most = figures.LIVE_AIMS.get(width)
        for name in ("new bar", "quiet"):
            mine = found.get(name)
            share = mine.seconds / theirs.seconds if isinstance(mine, Seen) and isinstance(theirs, Seen) else None
            verdict = met(reached=share <= most) if share and most else ""
            asked = f"{part(most)}: " if most and name == "new bar" else ""
            cells += [told(mine), part(share) if share else "", f"{asked}{verdict}"]
        lines.append(f"| {width} | {told(theirs)} | {' | '.join(cells)} |")
    return [*lines, "", *rooms(kept, chosen, "pairs"), under(kept, chosen)] if chosen else []


def told(one: Seen | str | None) -> str:
    """A time, or why there is none."""
    return time(one.seconds) if isinstance(one, Seen) else f"not measured {one or ''}".strip()


def start(kept: Kept, steps: Sequence[Step]) -> list[str]:
    """Processes of both, side by side."""
    chosen = of(kept, steps, "start")
    good = {step.name: kept.good(step.key) for step in chosen}
    lines = ["| | ours | freqtrade | of freqtrade | asked for | |", "| --- | --: | --: | --: | --: | --- |"]
    rows = (
        (f"{HELP}, {VERSION}: processor time", HELP, VERSION, "seconds", figures.HELP_AIM),
        ("the same: peak resident", HELP, VERSION, "peak_mb", None),
        (f"{IMPORTS}; {THEIR_IMPORTS}: processor time", IMPORTS, THEIR_IMPORTS, "seconds", figures.START_AIM),
        ("the same: peak resident", IMPORTS, THEIR_IMPORTS, "peak_mb", figures.MEMORY_AIM),
        ("daemon and bot to the first cycle done: processor time", RUNS, THEIR_RUNS, "start", figures.START_AIM),
        ("after 20 cycles: resident", RUNS, THEIR_RUNS, "resident_mb", figures.MEMORY_AIM),
        ("the same: peak resident", RUNS, THEIR_RUNS, "peak_mb", figures.MEMORY_AIM),
    )
    for what, mine, theirs, name, most in rows:
        pair = [figure(good.get(each, ()), each, name) for each in (mine, theirs)]
        cells = [shown(each, name) for each in pair]
        ours, other = pair
        share = ours / other if ours is not None and other else None
        cells += [f"{share:.2f}" if share else "", f"at most {most}" if most else ""]
        cells.append(met(reached=share <= most) if share and most else "")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    floor = middle(good.get(HELP, ()), HELP, "floor_mb")
    least = f" Nothing under {floor:.0f} MB could be told by the launcher." if floor else ""
    return [*lines, "", *rooms(kept, chosen, ""), under(kept, chosen) + least] if chosen else []


def figure(samples: Sequence[Sample], step: str, name: str) -> float | None:
    """One figure of a process."""
    engine = {RUNS: "the daemon", THEIR_RUNS: "freqtrade"}.get(step, step)
    if name != "seconds":
        return middle(samples, engine, name)
    found = seen(samples, engine)
    return found.seconds if found else None


def shown(value: float | None, name: str) -> str:
    """Megabytes or a time."""
    if value is None:
        return "not measured"
    return f"{value:.0f} MB" if name.endswith("_mb") else time(value)


def requests(page: Path) -> list[str]:
    """A row per venue of what the page of the venues tells of requests."""
    found = REQUESTS.search(page.read_text(encoding="utf-8"))
    if not found:
        return []
    by_venue: dict[str, list[list[float]]] = {}
    for row in found[1].splitlines():
        cells = [each.strip() for each in row.strip("|").split("|")]
        if len(cells) == 8 and cells[1].isdigit():  # noqa: PLR2004 - the columns of that table
            by_venue.setdefault(cells[0], []).append([float(each) for each in cells[1:]])
    lines = [
        "| venue | assets | quiet cycle | asked for | on a new bar, besides its candles and books |",
        "| --- | --- | --: | --- | --: |",
    ]
    for venue, rows in by_venue.items():
        widths = ", ".join(f"{row[0]:g}" for row in rows)
        quiet, later = (sorted({row[at] for row in rows}) for at in (2, 4))
        verdict = met(reached=len(quiet) == 1 and quiet[0] <= CALLS)
        counted = [" to ".join(f"{each:g}" for each in sorted({seen[0], seen[-1]})) for seen in (quiet, later)]
        lines.append(f"| {venue} | {widths} | {counted[0]} | at most {CALLS}: {verdict} | {counted[1]} |")
    return lines


def under(kept: Kept, steps: Iterable[Step]) -> str:
    """Of which commits and days a table's figures are, and on what."""
    mine, others = set[str](), set[str]()
    days, most = set[str](), 0
    for step in steps:
        good = kept.good(step.key)
        (others if step.environment else mine).update(each["commit"] for each in good)
        days |= {each["at"][:10] for each in good}
        most = max(most, len(good))
    kind = f"Medians of {most} rounds" if most > 1 else "One round"
    at = f"ours at {', '.join(sorted(mine)) or 'no commit'}"
    if others - mine:
        at += f", the others at {', '.join(sorted(others))}"
    when = " to ".join(sorted({min(days), max(days)}))
    return f"{kind}, {at}, {when}; Python {platform.python_version()}, {os.cpu_count()} cores."
