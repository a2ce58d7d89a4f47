"""Owns `ballast plan`: what would be done now, why, and what stands in the way; it does nothing and records nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.screen import line, show, show_json
from bot.cli.told import Told

if TYPE_CHECKING:
    from datetime import datetime

    from bot.core.snapshot import Snapshot
    from bot.settings import Settings

ACTS = 2


def plan(
    config: ConfigFile = DEFAULT_CONFIG,
    snapshot: Annotated[
        Path | None,
        typer.Option("--snapshot", metavar="FILE", help="Plan for this snapshot instead of the venue's present."),
    ] = None,
    diff: Annotated[
        Path | None,
        typer.Option("--diff", metavar="NEW.yaml", help="Show what this configuration would do differently."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what would be done now and why, without doing it.

    Exit code 2 when something would be done, 0 when nothing would.

    Example: ballast plan --config config/paper.yaml --snapshot snapshot.json
    """
    from bot.core.plan import plan as decide
    from bot.engine.arithmetic import exact
    from bot.settings.risk import raised

    settings = settings_of(config)
    other = settings_of(diff) if diff else None
    seen = read_snapshot(snapshot) if snapshot else observed(settings) if other is None else _both(settings, other)
    # Also what is written of a decision is rounded in its own context, whatever a venue library left behind.
    with exact():
        made = decide(seen, settings.policy())
        body = made.body()
        new = decide(seen, other.policy()).body() if other is not None else None
        if new is not None:
            _show_difference(body, new, raised(settings, other) if other else [], as_json=as_json)
        elif as_json:
            line(made.to_json())
        else:
            from bot.render.plan import plan_view

            show(plan_view(body, settings.accounting_currency))
    if made.actions:
        raise typer.Exit(ACTS)


def _show_difference(old: dict[str, Any], new: dict[str, Any], raises: list[str], *, as_json: bool) -> None:
    from bot.render.difference import difference_body, difference_view

    if as_json:
        show_json({**difference_body(old, new), "raises_risk": raises})
        return
    show(difference_view(old, new))
    for each in raises:
        line(f"raises risk: {each}")
    if raises:
        line("A running live bot keeps what is in force until somebody says yes: `ballast accept`.")


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot of a file; raises Told with a line for each thing wrong."""
    from bot.core.snapshot import SnapshotError, parse

    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise Told(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Told(f"{path}: byte {error.start} is no UTF-8 text") from None
    except SnapshotError as error:
        raise Told(str(error).splitlines()) from None


def _both(settings: Settings, other: Settings) -> Snapshot:
    """The present as both configurations would look at it: candles and books of the assets that either one asks for."""
    from bot.core.policy import RuleKeys

    rules = {name: getattr(other, name) for name in RuleKeys.model_fields}
    theirs, ours = observed(settings.model_copy(update=rules)), observed(settings)
    parts = {name: {**getattr(theirs, name), **getattr(ours, name)} for name in ("history", "markets")}
    for name in ("books", "tickers", "funding"):
        # Read a moment later or earlier: what was seen of the market then counts as seen at the latest now.
        seen = {key: _by(item, ours.at) for key, item in getattr(theirs, name).items()}
        parts[name] = {**seen, **getattr(ours, name)}
    frames = {symbol: {**theirs.candles.get(symbol, {}), **own} for symbol, own in ours.candles.items()}
    made = ours.model_copy(update={**parts, "candles": {**theirs.candles, **frames}})
    for kept in ("digest", "bar_keys"):  # worked out for what it was before
        made.__dict__.pop(kept, None)
    return made


def _by(item: Any, at: datetime) -> Any:
    return item.model_copy(update={"at": item.at and min(item.at, at)})


def observed(settings: Settings) -> Snapshot:
    """One snapshot of the configured venue, by read-only calls; raises Told."""
    from bot.wiring import observe_once

    return go(observe_once(settings))
