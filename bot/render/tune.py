"""Owns how a tuning is shown: the best trials in and out of sample, how much of it is luck, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.render.words import UNKNOWN, percent

HALF = 0.5
SURE_ENOUGH = 0.95


def tune_view(body: Mapping[str, Any]) -> RenderableType:
    """Trials, table, luck, verdict."""
    parts: list[RenderableType] = [Text(head(body), style="bold"), Text(spans(body)), Text()]
    parts += [_table(body), Text()]
    parts += [Text(values(row)) for row in body["top"]] + [Text()]
    parts += [Text(line) for line in lines(body)]
    return Group(*parts)


def head(body: Mapping[str, Any]) -> str:
    """How many trials there were, and what became of them."""
    count = body["trials"]
    said = [f"{count['whole']} whole", f"{count['stopped']} stopped early"]
    said += [f"{count['refused']} refused by check"] * bool(count["refused"])
    said += [f"{count['from_dead_workers']} taken over from a worker that ended"] * bool(count["from_dead_workers"])
    by = f" by {count['workers']} workers" if count["workers"] > 1 else ""
    return f"study {body['study']}: {count['ended']} trials{by}, {', '.join(said)}"


def spans(body: Mapping[str, Any]) -> str:
    """What the trials saw and what they did not."""
    first, last, final = body["windows"][0], body["windows"][-1], body["final"]
    seen = f"{len(body['windows'])} windows from {first['since'][:10]} to {last['until'][:10]}"
    said = f"in-sample: {seen}; out-of-sample: {final['since'][:10]} to {final['until'][:10]}, which no trial saw"
    late = final["trials_after_first_look"]
    if late:
        said += f" (but {late} trials were made after somebody had looked at it: it is not untouched any more)"
    return said


def values(row: Mapping[str, Any]) -> str:
    """What a trial changed."""
    return f"trial {row['trial']}: {', '.join(f'{key} {value}' for key, value in row['values'].items())}"


def _table(body: Mapping[str, Any]) -> Table:
    aim = body["aim"]
    table = Table(
        "", f"{aim} in", "rank", f"{aim} out", "rank", "gain out", "deepest fall out", "worst window in",
        box=None, pad_edge=False,
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    yours = body["yours"]
    table.add_row("yours", *_cells(yours, "", ""))
    for row in body["top"]:
        name = f"trial {row['trial']}{' ★' if row['trial'] == body['best'] else ''}"
        rank = UNKNOWN if row["rank_out"] is None else f"{row['rank_out']:g}"
        table.add_row(name, *_cells(row, str(row["rank_in"]), rank))
    return table


def _cells(row: Mapping[str, Any], rank_in: str, rank_out: str) -> list[str]:
    final = row["final"]
    worst = [value for value in row["windows"] if value is not None]
    return [
        number(row["in"]), rank_in, number(row["out"]), rank_out, percent(final["total"]), percent(final["drawdown"]),
        number(min(worst)) if worst else UNKNOWN,
    ]  # fmt: skip


def number(value: float | None) -> str:
    """A ratio with two decimals."""
    return UNKNOWN if value is None else f"{value:.2f}".replace("-", "−")


def lines(body: Mapping[str, Any]) -> list[str]:
    """Sentences about luck, then the verdict."""
    if body["best"] is None:
        return ["no trial played every window, so there is nothing to choose from"]
    seen, aim = body["luck"], body["aim"]
    made = []
    if seen["overfit"] is not None:
        made.append(
            f"luck: the best of one half of the windows is in the worse half of the other in {seen['overfit']:.0%} of "
            f"the ways to halve them (probability of backtest overfitting; 50% is luck alone)"
        )
    made.append(
        f"luck: ranks in one half and the other correlate by {number(seen['rank_correlation'])} over "
        f"{seen['whole_trials']} whole trials, in-sample and final by {number(seen['rank_correlation_final'])} "
        f"over the {len(body['top'])} above"
    )
    if seen["deflated_sharpe"] is not None:
        made.append(
            f"luck: {seen['deflated_sharpe']:.0%} sure that the best has a Sharpe ratio above that of the best of as "
            f"many trials without merit (deflated Sharpe ratio; {SURE_ENOUGH:.0%} is wanted)"
        )
    if seen["walked_mean"] is not None:
        made.append(
            f"walking forward: chosen anew before each window on those before it, {aim} {number(seen['walked_mean'])} "
            f"a window on average, yours {number(seen['walked_yours_mean'])}"
        )
    return [*made, verdict(body)]


def verdict(body: Mapping[str, Any]) -> str:
    """What all of it means for whoever thinks of taking the best."""
    if not body["better_than_yours"]:
        return "verdict: nothing was found in-sample that is better than yours; keep it"
    apart, seen = body["difference"], body["luck"]
    doubts = []
    if apart is None:
        doubts.append("the final window is too short to compare it with yours")
    elif apart["noise"]:
        ends = f"{number(apart['low'])} to {number(apart['high'])}"
        doubts.append(f"on the final window its {apart['figure']} differs from yours within noise (90 % {ends})")
    elif apart["value"] < 0:
        doubts.append("on the final window it is worse than yours")
    if seen["overfit"] is None or seen["overfit"] >= HALF:
        doubts.append("choosing by these windows is no better than luck")
    if seen["deflated_sharpe"] is None or seen["deflated_sharpe"] < SURE_ENOUGH:
        doubts.append("so many trials make such a best by chance")
    if doubts:
        return f"verdict: no reason to take trial {body['best']}: {'; '.join(doubts)}"
    return f"verdict: trial {body['best']} held up on what it never saw; paper it before you trust it"
