"""Owns the text of a first configuration: what a few answers become, with the why beside each key. Writes no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from bot.core.instruments import spot_symbol
from bot.core.snapshot import Balance, Ticker

STABLECOINS: Final = frozenset({"USDT", "USDC", "FDUSD", "TUSD", "DAI", "USDE", "USD1", "PYUSD"})
CRUMB: Final = Decimal("0.01")  # of everything held: what is less is no target
Risk = Literal["cautious", "balanced", "bold"]
CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Terms:
    """What one appetite for risk means, key by key; fractions of E."""

    floor: str
    least_stables: str
    leverage: int
    bridge: bool
    drawdown: str
    turnover: str
    increment: str
    says: str


RISKS: Final[Mapping[Risk, Terms]] = {
    "cautious": Terms(
        floor="0.15", least_stables="0.25", leverage=1, bridge=False, drawdown="0.30", turnover="0.10",
        increment="0.02", says="small steps, much cash, nothing borrowed",
    ),
    "balanced": Terms(
        floor="0.05", least_stables="0.10", leverage=2, bridge=True, drawdown="0.40", turnover="0.20",
        increment="0.05", says="the defaults of the rulebook",
    ),
    "bold": Terms(
        floor="0.03", least_stables="0.05", leverage=3, bridge=True, drawdown="0.60", turnover="0.30",
        increment="0.08", says="large steps, little cash, a drawdown of 60 %",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answers:
    """What a newcomer was asked. ``weights`` by coin, fractions of E, together at most 1; the rest is stables."""

    venue: str
    environment: str
    mode: str
    portfolio: str
    weights: Mapping[str, Decimal]
    risk: Risk = "balanced"
    futures: bool = True


def shares_held(balances: Sequence[Balance], quotes: Mapping[str, Ticker], currency: str) -> Mapping[str, Decimal]:
    """Each coin's share of everything held, largest first; stablecoins, crumbs and coins without a price left out."""
    worth: dict[str, Decimal] = {}
    for balance in balances:
        quote = quotes.get(spot_symbol(balance.asset, currency))
        stable = balance.asset == currency or balance.asset in STABLECOINS
        price = Decimal(1) if stable else _price(quote)
        if price is not None:
            worth[balance.asset] = worth.get(balance.asset, Decimal(0)) + balance.total * price
    whole = sum(worth.values(), Decimal(0))
    if not whole:
        return {}
    shares = {coin: (value / whole).quantize(CENT * CENT) for coin, value in worth.items() if coin not in STABLECOINS}
    return {coin: share for coin, share in sorted(shares.items(), key=lambda item: -item[1]) if share >= CRUMB}


def _price(quote: Ticker | None) -> Decimal | None:
    if quote is None:
        return None
    return (quote.bid + quote.ask) / 2 if quote.bid and quote.ask else quote.last


def within(weights: Mapping[str, Decimal], risk: Risk) -> Mapping[str, Decimal]:
    """Weights made smaller alike, so far that the stablecoins which an appetite for risk keeps fit beside them."""
    risky, most = sum(weights.values(), Decimal(0)), 1 - Decimal(RISKS[risk].least_stables)
    if risky <= most:
        return weights
    return {coin: (weight * most / risky).quantize(CENT * CENT) for coin, weight in weights.items()}


def first_config(answers: Answers) -> str:
    """The YAML text; raises ValueError with one line where the answers do not go together."""
    terms = RISKS[answers.risk]
    risky = sum(answers.weights.values(), Decimal(0))
    stables = 1 - risky
    if not answers.weights:
        raise ValueError("targets: name at least one coin and its share, such as BTC=0.5")
    if any(weight <= 0 for weight in answers.weights.values()):
        raise ValueError("targets: every share must be above 0")
    if stables < Decimal(terms.floor):
        raise ValueError(
            f"targets: the coins take {risky:f} of the portfolio, at most {1 - Decimal(terms.floor):f} is left by the "
            f"stablecoin floor of {terms.floor} that {answers.risk} keeps"
        )
    lines = [*_head(answers, terms), *_targets(answers, terms, stables), *_terms(answers, terms)]
    return "\n".join(lines) + "\n"


def _head(answers: Answers, terms: Terms) -> list[str]:
    return [
        f"# A first configuration: {answers.risk} ({terms.says}).",
        "# `ballast check` says what it means, `ballast plan` what it would do now, `ballast run` runs it.",
        "# Keys never stand here: BALLAST_VENUE__API_KEY and BALLAST_VENUE__SECRET, or secret files of mode 0600.",
        f"portfolio: {answers.portfolio}",
        f"mode: {answers.mode:<24}# paper: simulated money; dry-run: prints orders; testnet; live: real money",
        "kill_switch: off              # freeze, halt or flatten stops it within a second",
        f"approve: {'auto':<21}# manual: every plan waits for `ballast approve`",
        *(["cycle: 10m"] if answers.environment == "local" else []),
        "",
        "venue:",
        f"  id: {answers.venue}",
        f"  environment: {answers.environment:<15}# local: built in; production, testnet or demo: the venue's",
        f"  futures: {_word(answers.futures):<19}# whether it may hedge and bridge with perpetuals",
        "",
    ]


def _targets(answers: Answers, terms: Terms, stables: Decimal) -> list[str]:
    floor = min(Decimal(terms.floor), stables)
    risky = 1 - stables
    shares = ", ".join(f"{coin}: {_share(weight / risky)}" for coin, weight in _rounded(answers.weights, risky).items())
    return [
        "targets:",
        "  # Shares of the whole portfolio. Below the floor no buy goes, and it is refilled first.",
        f"  stables: {{weight: {stables:f}, floor: {floor:f}}}",
        "  sleeves:",
        "    # A sleeve has a weight, and its coins share it; a list instead of a map shares equally.",
        f"    coins: {{weight: {risky:f}, assets: {{{shares}}}}}",
        "",
    ]


def _rounded(weights: Mapping[str, Decimal], risky: Decimal) -> Mapping[str, Decimal]:
    """Weights whose shares of the sleeve add up to 1 exactly at four decimals: the largest takes what is left over."""
    shares = {coin: (weight / risky).quantize(CENT * CENT) for coin, weight in weights.items()}
    largest = max(shares, key=lambda coin: (shares[coin], coin))
    shares[largest] += 1 - sum(shares.values(), Decimal(0))
    return {coin: share * risky for coin, share in shares.items()}


def _share(share: Decimal) -> str:
    return f"{share.quantize(CENT * CENT).normalize():f}"


def _terms(answers: Answers, terms: Terms) -> list[str]:
    traded = [
        f"hedge: {{leverage: {terms.leverage}}}           # shorts instead of sales while a trend still holds",
        f"bridge: {{enabled: {_word(terms.bridge)}}}       # leveraged longs that become spot later",
    ]
    return [
        f"trim: {{increment: {terms.increment}}}        # of the portfolio, per step",
        f"add: {{increment: {terms.increment}}}",
        *(traded if answers.futures else []),
        f"pace: {{turnover_per_day: {terms.turnover}}}",
        f"limits: {{drawdown: {terms.drawdown}}}        # under that it freezes until you resume it",
        "",
        f'store: {{url: "sqlite+aiosqlite:///data/{answers.portfolio}.db"}}',
    ]


def _word(value: bool) -> str:  # noqa: FBT001 - a YAML word of a boolean
    return "true" if value else "false"
