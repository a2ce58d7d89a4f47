"""Owns `ballast check`: what the configuration says about itself, alone or before a venue and its history."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, settings_of
from bot.cli.plan import observed, read_snapshot
from bot.cli.screen import line, show, show_json
from bot.cli.told import FAILED, Told

if TYPE_CHECKING:
    from decimal import Decimal

    from bot.core.advice import Advice, VenueSeen
    from bot.core.outlook import Outlook
    from bot.core.policy import Policy
    from bot.core.snapshot import Snapshot
    from bot.settings import Settings


def check(
    config: ConfigFile = DEFAULT_CONFIG,
    history: Annotated[
        bool, typer.Option("--history", help="Say what the target means over the venue's loaded history.")
    ] = False,
    venue: Annotated[
        bool, typer.Option("--venue", help="Ask the venue what it lists and, in mode live, what the key may do.")
    ] = False,
    snapshot: Annotated[
        Path | None,
        typer.Option("--snapshot", metavar="FILE", help="Take both from this snapshot; nothing is asked."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong or unwise in a configuration.

    Example: ballast check --config config/tactical.yaml
    """
    from bot.core.advice import advice, bands
    from bot.render.check import bands_view, check_body, history_view, now_view
    from bot.render.venues import venue_view

    try:
        settings = settings_of(config)
    except Told as told:
        _refused(told, as_json=as_json)
        raise typer.Exit(FAILED) from None
    policy = settings.policy()
    if snapshot:
        learnt = _learnt(policy, read_snapshot(snapshot))
    elif history or venue:
        learnt = _asked(settings, policy, ask_key=venue)
    else:
        learnt = _Learnt()
    known = {"volatility": learnt.volatility, "targets": learnt.targets, "fees": learnt.fees}
    kill = settings.kill_switch
    switched = _switch(settings)
    found = [*advice(policy, kill=kill, venue=learnt.venue, **known), *learnt.warned, *switched]
    rows = bands(policy, **known)
    card = _card(settings) if venue else None
    if as_json:
        show_json(check_body(found, rows, learnt.meaning, learnt.now, card))
    else:
        show(bands_view(rows))
        if learnt.meaning is not None:
            line("")
            show(history_view(learnt.meaning, policy.limits.drawdown, policy.liquidity.volume_share))
        if learnt.now is not None:
            line("")
            show(now_view(learnt.now))
            line("")
        if card is not None:
            show(venue_view(card))
            line("")
        for each in found:
            line(each.line())
    if any(each.level == "error" for each in found):
        raise typer.Exit(FAILED)


def _switch(settings: Settings) -> list[Advice]:
    """What the venue says to the dead-man's switch that is asked for, without being asked."""
    from bot.core.advice import Advice
    from bot.venues.ccxt.card import switch_refused

    why = switch_refused(settings.venue.id, settings.venue.dead_man) if settings.venue.dead_man else ""
    key, _, text = why.partition(": ")
    return [Advice("error" if settings.mode in ("testnet", "live") else "warning", key, text)] if why else []


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a snapshot teaches: volatilities, targets, fees, the venue, what the target means (R-T8) and warns of.

    ``now`` is what the configuration would do with it, as a plan's body.
    """

    volatility: Mapping[str, Decimal] = field(default_factory=dict)
    targets: Mapping[str, Decimal] = field(default_factory=dict)
    fees: Mapping[str, Decimal] = field(default_factory=dict)
    venue: VenueSeen | None = None
    meaning: Outlook | None = None
    warned: Sequence[Advice] = ()
    now: Mapping[str, Any] | None = None


def _asked(settings: Settings, policy: Policy, *, ask_key: bool) -> _Learnt:
    """What the venue teaches; where it does not answer, that is a finding, and the others still stand."""
    try:
        seen = observed(_looking(settings))
        live = settings.mode == "live" and ask_key
        can_withdraw = _can_withdraw(settings) if live else None
    except Told as told:
        from bot.core.advice import Advice

        return _Learnt(warned=[Advice("error", "venue", f"cannot be asked: {each}") for each in told.lines])
    return _learnt(policy, seen, live=live, can_withdraw=can_withdraw)


def _learnt(policy: Policy, seen: Snapshot, *, live: bool = False, can_withdraw: bool | None = None) -> _Learnt:
    from bot.core.outlook import findings, outlook, taker_fees, venue_seen, volatilities
    from bot.core.plan import plan
    from bot.engine.arithmetic import exact

    with exact():
        made = plan(seen, policy)
        assessed = made.assessment
        meaning = outlook(seen, policy, assessed)
        return _Learnt(
            volatility=volatilities(assessed),
            targets=assessed.neutral,
            fees=taker_fees(seen, policy),
            venue=venue_seen(seen, policy, assessed, live=live, can_withdraw=can_withdraw),
            meaning=meaning,
            warned=tuple(findings(meaning, policy)),
            now=made.body(),
        )


def _card(settings: Settings) -> Mapping[str, Any]:
    """What works on the configured venue, and what is done instead."""
    from bot.ports.errors import VenueError
    from bot.venues.ccxt.card import cards

    try:
        return cards(settings.venue.id)[0].body()
    except VenueError as error:
        raise Told(str(error)) from error


def _looking(settings: Settings) -> Settings:
    """A live account is looked at as a dry run looks at it: by calls that only read."""
    return settings.model_copy(update={"mode": "dry-run"}) if settings.mode == "live" else settings


def _can_withdraw(settings: Settings) -> bool | None:
    from bot.wiring import asked_of_key

    _, report = go(asked_of_key(settings))
    return report.can_withdraw


def _refused(told: Told, *, as_json: bool) -> None:
    """A configuration that cannot be read is a finding like any other, and a failure where findings go to a file."""
    if as_json:
        show_json({"errors": [{"key": "", "text": each} for each in told.lines], "warnings": [], "bands": []})
    else:
        for each in told.lines:
            line(f"error: {each}")
    if not sys.stdout.isatty():
        sys.stderr.writelines(f"{each}\n" for each in told.lines)
