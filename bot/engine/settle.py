"""Owns what an action's outcome means: how far its episode came, and which leg is owed (R-W7). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.core.events import Event
from bot.core.instruments import Market
from bot.core.numbers import ZERO, fraction, plain
from bot.engine.action import ActionFacts, cut

CRUMB = Decimal("0.001")  # of E: what is left of an increment below this is done


@dataclass(frozen=True, slots=True)
class LegResult:
    """One leg's order at its end: what was intended and what filled, signed base units."""

    leg: int
    symbol: str
    intended: Decimal
    filled: Decimal
    rested: bool = False  # it was a resting order: what it left open is the taker's

    @property
    def given_up(self) -> bool:
        """Whether it rested and was not filled whole."""
        return self.rested and self.filled != self.intended


@dataclass(frozen=True, slots=True)
class Settled:
    """An action at its end. Exposures are signed fractions of E; ``owed`` are legs that lag behind the first.

    ``taker_turn``: it rested in vain, in whole or in part, and is to be taken next.
    """

    facts: ActionFacts
    changed: Decimal
    owed: tuple[tuple[str, Decimal], ...]
    owed_exposure: Decimal
    taker_turn: bool = False


def settled(facts: ActionFacts, results: Sequence[LegResult], markets: Mapping[str, Market]) -> Settled:
    """Weigh the legs: every later one is due in the proportion in which the first filled."""
    changed = owed_exposure = ZERO
    owed: list[tuple[str, Decimal]] = []
    first = min(results, key=lambda item: item.leg, default=None)
    ratio = first.filled / first.intended if first else ZERO
    for item in results:
        leg = facts.legs[item.leg]
        weight = leg.price / facts.equity if facts.equity and leg.counts else ZERO
        changed += item.filled * weight
        if item is first:
            continue
        missing = cut(item.intended * ratio - item.filled, markets.get(item.symbol))
        market = markets.get(item.symbol)
        least = market.smallest(leg.price) if market else ZERO
        if missing * item.intended > 0 and abs(missing) >= least:
            owed.append((item.symbol, missing))
            owed_exposure += missing * weight
    resting = any(item.given_up for item in results)
    return Settled(facts, fraction(changed), tuple(owed), fraction(owed_exposure), resting)


def events(done: Iterable[Settled], at: datetime) -> list[Event]:
    """Broken pairs, then how far each episode came: one word per subject, whatever number of actions served it."""
    made: list[Event] = []
    by_subject: dict[str, list[Settled]] = {}
    for item in done:
        for symbol, missing in item.owed:
            body = {"action": item.facts.action_id, "symbol": symbol, "contracts": plain(missing)}
            made.append(Event(f"{item.facts.action_id}:{symbol}:broken", at, "pair.broken", body))
        if item.facts.episodic:
            by_subject.setdefault(item.facts.subject, []).append(item)
    for subject, items in by_subject.items():
        left = sum((_left(item) for item in items), ZERO)
        body_of = {
            "subject": subject,
            "filled": any(item.changed for item in items),
            "left": plain(ZERO if left < CRUMB else left),
            "taker_turn": any(item.taker_turn for item in items),
        }
        made.append(Event(f"{items[0].facts.action_id}:{subject}:worked", at, "episode.worked", body_of))
    return made


def _left(item: Settled) -> Decimal:
    """What of the wanted change is neither done nor owed by a broken pair, unsigned."""
    sign = 1 if item.facts.wanted >= 0 else -1
    return max(ZERO, abs(item.facts.wanted) - sign * (item.changed + item.owed_exposure))
