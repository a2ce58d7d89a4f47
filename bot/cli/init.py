"""Owns `ballast init`: a few questions, and a first configuration that passes `check`. It never asks for a key."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot.cli.screen import line
from bot.cli.told import Told

VENUES: Final = ("binance", "bybit", "bingx", "weex", "mexc")
MODES: Final = {"local": "paper", "production": "paper", "testnet": "testnet", "demo": "testnet"}
EXAMPLE: Final = "BTC=0.4,ETH=0.25,SOL=0.15"


def init(
    to: Annotated[Path, typer.Argument(metavar="[FILE]", help="Where it goes; it must not be there yet.")] = Path(
        "portfolio.yaml"
    ),
    venue: Annotated[str, typer.Option("--venue", metavar="ID", help="The exchange, by its ccxt id.")] = "",
    environment: Annotated[
        str, typer.Option("--environment", metavar="NAME", help="local, production, testnet or demo.")
    ] = "",
    targets: Annotated[
        str, typer.Option("--targets", metavar="COIN=SHARE,...", help=f"Shares of the whole, such as {EXAMPLE}.")
    ] = "",
    holdings: Annotated[bool, typer.Option("--holdings", help="Take today's holdings as the targets.")] = False,
    risk: Annotated[str, typer.Option("--risk", metavar="WORD", help="cautious, balanced or bold.")] = "",
) -> None:
    """Write a first configuration out of a few answers.

    Simulated money to begin with, never a key: what is missing is asked for.

    Example: ballast init my.yaml --venue binance --targets BTC=0.5,ETH=0.3
    """
    from bot.render.first_config import RISKS

    if to.exists():
        raise Told(f"{to} is there already; name a file that is not")
    venue = venue or _asked("Which exchange", "binance", VENUES, any_other=True)
    environment = environment or _asked("Which of its worlds", "local", tuple(MODES))
    if environment not in MODES:
        raise Told(f"--environment: is {environment}, must be one of {', '.join(MODES)}")
    if holdings and targets:
        raise Told("--holdings and --targets: one or the other")
    if holdings:
        weights = _held(venue, environment)
    else:
        weights = _weights(targets or _asked("Which coins, at which shares", EXAMPLE))
    risk = risk or _asked("How much risk", "balanced", tuple(RISKS))
    if risk not in RISKS:
        raise Told(f"--risk: is {risk}, must be one of {', '.join(RISKS)}")
    if holdings:
        weights = _fitted(weights, risk)
    _write(to, venue, environment, weights, risk)
    line(f"{to}: written, and it passes `ballast check --config {to}`")
    line(f"next: ballast plan --config {to}    what it would do now")
    money = "simulated" if MODES[environment] == "paper" else "test"
    line(f"      ballast run --config {to}     runs it with {money} money")


def _asked(question: str, usual: str, among: tuple[str, ...] = (), *, any_other: bool = False) -> str:
    """One answer from the terminal, the usual one where nobody is there to be asked."""
    if not sys.stdin.isatty():
        return usual
    hint = f" ({', '.join(among)})" if among else ""
    while True:
        said: str = typer.prompt(f"{question}{hint}", default=usual, err=True).strip()
        if not among or any_other or said in among:
            return said
        sys.stderr.write(f"must be one of {', '.join(among)}\n")


def _weights(text: str) -> Mapping[str, Decimal]:
    made: dict[str, Decimal] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        coin, _, share = part.partition("=")
        coin = coin.strip().upper()
        try:
            weight = Decimal(share)
        except InvalidOperation:
            raise Told(f"--targets: {part!r} is no coin and share, must look like {EXAMPLE}") from None
        if coin in made:
            raise Told(f"--targets: {coin} stands there twice")
        if not coin or not weight.is_finite() or not 0 < weight < 1:
            raise Told(f"--targets: {part!r}: the share must lie between 0 and 1, as in {EXAMPLE}")
        made[coin] = weight
    return made


def _held(venue: str, environment: str) -> Mapping[str, Decimal]:
    """Today's holdings as shares of the whole, read with the keys in the environment; crumbs under 1 % are left out."""
    from bot.cli.parts import go
    from bot.settings import ConfigError, load_text
    from bot.wiring import holdings

    looking = "\n".join(
        (
            "mode: dry-run",
            f"venue: {{id: {venue}, environment: {environment}}}",
            "targets: {stables: {weight: 0.5}, sleeves: {coins: {weight: 0.5, assets: [BTC]}}}",
        )
    )
    try:
        settings = load_text(looking, os.environ)
    except ConfigError as error:
        raise Told(error.lines) from None
    return go(holdings(settings))


def _fitted(weights: Mapping[str, Decimal], risk: Any) -> Mapping[str, Decimal]:
    from bot.render.first_config import within

    if not weights:
        raise Told("--holdings: the account holds no coin worth 1 % of it; name --targets instead")
    fitted = within(weights, risk)
    if fitted != weights:
        sys.stderr.write(f"note: made smaller alike, for {risk} keeps stablecoins beside them\n")
    return fitted


def _write(to: Path, venue: str, environment: str, weights: Mapping[str, Decimal], risk: Any) -> None:
    """Write what passes `check`, or nothing."""
    from bot.core.advice import advice
    from bot.render.first_config import Answers, first_config
    from bot.settings import ConfigError, load_text

    try:
        text = first_config(Answers(venue, environment, MODES[environment], to.stem, weights, risk))
        settings = load_text(text, {})
    except ValueError as error:
        raise Told(str(error)) from None
    except ConfigError as error:
        raise Told(error.lines) from None
    wrong = [each.line() for each in advice(settings.policy(), kill="off") if each.level == "error"]
    if wrong:
        raise Told(wrong)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Told(f"{to}: cannot be written: {error.strerror}") from None
