"""Owns the words for what keeps a venue from being read or traded: one line when it begins and one when it is over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from bot.core.instruments import Market, spot_symbol
from bot.core.numbers import ZERO, plain
from bot.core.policy import Policy
from bot.engine.observe import Reads
from bot.engine.parts import Parts
from bot.engine.stop import KillWatch
from bot.ports.venue import Gap

Kind = Literal["key", "quiet", "words", "away"]
TELL_AGAIN = timedelta(hours=1)  # venue time
SURE_AFTER = 2  # cycles in a row in which the key was refused: a venue may misjudge one request
NAMED_MOST = 3
MINUTE = timedelta(minutes=1)
CLASS = re.compile(r"^(?:[A-Z][A-Za-z]+|the venue refuses the key): ")
SIGNED = re.compile(r"\?\S*")  # the query of an address: it holds a signature
#: How a Gap's reason begins, by what an operator can do about it; all else is a venue that is away.
BEGINS: Mapping[str, Kind] = {
    "Unauthorized:": "key",
    "the venue refuses the key:": "key",
    "RateLimited:": "quiet",
    "Malformed:": "words",
}
KEPT = "nothing of it can be traded; the rest goes on"
UNPRICED = (
    "without its price equity is unknown and nothing is sized (R-G3); the rest goes on once it is out of the targets "
    "or its coins are out of the account"
)
LOOK_AT_THE_KEY = "look there at the key, its secret or passphrase, its permissions and the addresses it is bound to"
LINES: Mapping[Kind, str] = {
    "key": "the venue does not take the key for {what}: {why}; " + LOOK_AT_THE_KEY + ". Nothing is sent meanwhile",
    "quiet": "the venue wants quiet and does not answer for {what}: {why}; the bot waits as long as it was told, and "
    "sends nothing meanwhile",
    "words": "what the venue answers for {what} cannot be read: {why}; nothing is decided on it",
    "away": "the venue cannot be read for {what}: {why}; in maintenance, or the line to it is down. Nothing is decided "
    "on old data, and orders are looked up when it is back",
}


@dataclass(slots=True)
class _Standing:
    """One trouble while it lasts."""

    since: datetime
    told: datetime
    cycles: int = 1


@dataclass(slots=True)
class Trouble:
    """One portfolio's troubles with its venue. ``look`` is told every cycle's reads."""

    parts: Parts
    kill: KillWatch
    _lasting: dict[Kind, _Standing] = field(default_factory=dict)
    _stuck: dict[str, datetime] = field(default_factory=dict)

    def look(self, reads: Reads, policy: Policy) -> None:
        """Tell what began, what lasts and what is over; live, a key refused twice in a row freezes (errors table)."""
        found: dict[Kind, list[Gap]] = {}
        for gap in _of_the_whole(reads):
            found.setdefault(_kind(gap), []).append(gap)
        at = self.parts.clock.now()
        for kind, gaps in found.items():
            self._tell(kind, gaps, at)
        for kind in [kind for kind in self._lasting if kind not in found]:
            lasted = at - self._lasting.pop(kind).since
            text = f"the venue answers again after {lasted // MINUTE} min of trouble"
            self.parts.alerts.send("info", text, key=f"trouble over {kind}")
        self._hold(reads, policy, at)

    def _tell(self, kind: Kind, gaps: Sequence[Gap], at: datetime) -> None:
        known = self._lasting.get(kind)
        text = LINES[kind].format(what=_names(gaps), why=_short(gaps[0]))
        if known is None:
            known = self._lasting[kind] = _Standing(at, at)
        else:
            known.cycles += 1
            if kind == "key" and known.cycles == SURE_AFTER and self.parts.mode == "live":
                self.kill.set("freeze", "key check", text)
            if at - known.told < TELL_AGAIN:
                return
            known.told = at
        self.parts.alerts.send("critical" if kind == "key" else "warning", text, key=f"trouble {kind}")

    # ---- what is held and cannot be traded

    def _hold(self, reads: Reads, policy: Policy, at: datetime) -> None:
        """Coins and positions whose market is gone or stands still: said when it begins, and daily."""
        if isinstance(reads.markets, Gap) or not reads.markets:
            return
        stuck = dict(_stuck(reads, policy, reads.markets))
        for symbol, text in stuck.items():
            before = self._stuck.get(symbol)
            if before is None or at - before >= timedelta(days=1):
                self._stuck[symbol] = at
                self.parts.alerts.send("critical", text, key=f"stuck {symbol}")
        for symbol in [symbol for symbol in self._stuck if symbol not in stuck]:
            del self._stuck[symbol]
            self.parts.alerts.send("info", f"{symbol} is traded again, or is not held any more", key=f"free {symbol}")


def _of_the_whole(reads: Reads) -> list[Gap]:
    """Gaps of what no cycle can do without; a missing chart or feed is the plan's own business."""
    parts = (reads.kind, reads.markets, reads.balances, reads.positions, reads.quotes)
    return [part for part in parts if isinstance(part, Gap)]


def _kind(gap: Gap) -> Kind:
    return next((kind for start, kind in BEGINS.items() if gap.why.startswith(start)), "away")


def _names(gaps: Sequence[Gap]) -> str:
    names = [gap.what for gap in gaps]
    more = len(names) - NAMED_MOST
    return ", ".join(names[:NAMED_MOST]) + (f" and {more} more" if more > 0 else "")


def _short(gap: Gap) -> str:
    """A Gap's reason without the name of its class, its own name and what a signed address carries."""
    why = CLASS.sub("", gap.why).removeprefix(f"{gap.what}: ")
    return SIGNED.sub("", " ".join(why.split()))


def _stuck(reads: Reads, policy: Policy, markets: Mapping[str, Market]) -> list[tuple[str, str]]:
    made = []
    held: dict[str, Decimal] = {}
    for balance in () if isinstance(reads.balances, Gap) else reads.balances:
        if balance.asset in policy.assets:
            held[balance.asset] = held.get(balance.asset, ZERO) + balance.total
    for asset, qty in sorted(held.items()):
        symbol = spot_symbol(asset, policy.accounting_currency)
        how = _how(markets.get(symbol))
        if how and qty:
            known = not isinstance(reads.quotes, Gap) and symbol in reads.quotes
            made.append((symbol, f"{symbol} {how} and {plain(qty)} {asset} are held: {KEPT if known else UNPRICED}"))
    for position in () if isinstance(reads.positions, Gap) else reads.positions:
        how = _how(markets.get(position.symbol))
        if how:
            what = f"{position.symbol} {how} and a position of {plain(position.quantity)} is open"
            made.append((position.symbol, f"{what}: no order can close it; the venue settles it, or you do"))
    return made


def _how(market: Market | None) -> str:
    if market is None:
        return "is not listed any more"
    return "" if market.active else "is halted"
