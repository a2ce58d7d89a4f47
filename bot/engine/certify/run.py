"""Owns the order of an acceptance run: look, then small orders, then clean up whatever happened. Prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from bot.core.instruments import base_of, is_swap
from bot.core.numbers import CENT, ONE, ZERO, plain
from bot.engine.arithmetic import exact
from bot.engine.certify.bench import THROUGH, Bench, Ports, Spending, Terms, read
from bot.engine.certify.clean import NAME, clean, leftovers, to_its_end
from bot.engine.certify.filling import FILLING
from bot.engine.certify.notes import Notes, Part, Tell
from bot.engine.certify.perpetual import PERPETUAL
from bot.engine.certify.reads import READS
from bot.engine.certify.report import Item, Report, Verdict
from bot.engine.certify.resting import RESTING
from bot.ports.errors import Rejected

AT_ONCE = 2  # spot orders of the least size that may stand beside one another: an order and its duplicate


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run takes, in quote money: at stake at any moment, and gone for good at the worst."""

    at_stake: Decimal
    cost: Decimal


async def prepared(ports: Ports, terms: Terms) -> tuple[Bench, Cost]:
    """Read what is needed to say what a run would cost; sends nothing. Raises `VenueError` where it cannot be done."""
    bench = Bench(ports, terms, Spending(terms.limit))
    with exact():
        known = await ports.market.markets()
        missing = [symbol for symbol in bench.symbols if symbol not in known]
        if missing:
            raise Rejected(f"{', '.join(missing)}: not listed here")
        bench.markets = {symbol: known[symbol] for symbol in bench.symbols}
        at_stake, cost = ZERO, ZERO
        for symbol in bench.symbols:
            _, ask = await bench.best(symbol)
            value = bench.size(symbol, ask) * ask * (ONE + THROUGH)
            at_stake = max(at_stake, value if is_swap(symbol) else value * AT_ONCE)
            cost += 2 * value * (THROUGH + bench.markets[symbol].taker)
    return bench, Cost(at_stake, cost)


def must_do(terms: Terms, cost: Cost) -> None:
    """Raise `Rejected` where the limit is under what a run needs."""
    if cost.at_stake > terms.limit:
        need = plain(cost.at_stake.quantize(CENT, ROUND_UP))
        limit = f"the limit is {plain(terms.limit)}; a coin whose least order is smaller may do (--asset)"
        raise Rejected(f"a run on {terms.spot} needs {need} {terms.quote} at stake, {limit}")


async def certify(bench: Bench, report: Report, tell: Tell) -> Report:
    """The whole run; what it made is taken away again even when it is cancelled. ``tell`` hears every verdict."""
    with exact():
        await _quiet(bench)

        async def cleaned() -> None:
            with exact():
                notes = Notes({NAME: True}, tell)
                await clean(bench, notes)
                report.items += notes.items

        try:
            for part in _parts(bench):
                found = await part.run(bench, tell)
                report.items += found
                if _forbids(found):
                    break
        finally:
            await to_its_end(cleaned())
    return report


def _parts(bench: Bench) -> tuple[Part, ...]:
    return (*READS, *RESTING, *FILLING, *(PERPETUAL if bench.terms.swap else ()))


def _forbids(found: list[Item]) -> bool:
    """Whether nothing may be sent after this: a key that can withdraw, or an account that cannot be read."""
    ends = {"key": (Verdict.FAIL,), "account": (Verdict.UNKNOWN,), "balances": (Verdict.UNKNOWN, Verdict.FAIL)}
    return any(item.verdict in ends.get(item.name, ()) for item in found)


async def _quiet(bench: Bench) -> None:
    """Note where the account stands; raises `Rejected` where a position would be taken for the run's own."""
    await leftovers(bench)
    bench.strangers = frozenset(
        view.venue_id for view in read(await bench.ports.account.open_orders(bench.symbols)) if view.venue_id
    )
    bench.base_before = await bench.coins(base_of(bench.terms.spot))
    if bench.terms.swap is not None and is_swap(bench.terms.swap):
        held = await bench.position()
        if held is not None:
            raise Rejected(f"there is a position of {plain(held.quantity)} {held.symbol}: name another --asset")
