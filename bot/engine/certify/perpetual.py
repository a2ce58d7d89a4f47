"""Owns what an acceptance run learns of a perpetual: transfers, one-way mode, a small short opened and closed again."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from bot.core.numbers import ONE, ZERO, plain
from bot.core.orders import OrderState, Placed
from bot.core.snapshot import Position
from bot.engine.arithmetic import exact
from bot.engine.certify.bench import LOOK_EVERY_S, LOOK_FOR_S, Bench
from bot.engine.certify.filling import fees, traded
from bot.engine.certify.notes import Notes, Part
from bot.engine.certify.reads import FUNDING
from bot.ports.errors import Rejected

SPARE = Decimal("1.5")  # of the margin an order needs: fees, and prices that move meanwhile
FUTURES = "futures"


async def lend(bench: Bench, notes: Notes) -> None:
    """Move the short's collateral to the futures wallet, and find the transfer."""
    kind = await bench.ports.account.kind()
    if kind.unified:
        notes.unknown("transfer", "one wallet for both: nothing to move")
        return
    if "transfer" not in kind.can:
        notes.unknown("transfer", "this account cannot move money between its wallets by API")
        return
    amount = (await _margin(bench)).to_integral_value(ROUND_CEILING)
    before = await bench.coins(bench.terms.quote, wallet=FUTURES)
    bench.lent += amount  # before it leaves: what may have arrived is brought back
    placed, why, intent = await bench.move(amount, "spot", FUTURES)
    found, took_s = await bench.arrived(intent)
    now = await bench.coins(bench.terms.quote, wallet=FUTURES)
    evidence = f"{plain(amount)} {bench.terms.quote} to futures was {placed.value}{f' ({why})' if why else ''}, "
    evidence += f"found after {took_s * 1000:.0f} ms: {found}; the wallet has {plain(now)}, had {plain(before)}"
    arrived = found == Placed.ACCEPTED and now - before == amount
    notes.holds("transfer", evidence, true=arrived)


async def _margin(bench: Bench) -> Decimal:
    symbol = bench.terms.swap or ""
    bid, _ = await bench.best(symbol)
    return bench.size(symbol, bid) * bid / bench.terms.leverage * SPARE


async def mode(bench: Bench, notes: Notes) -> None:
    """One-way, margin mode and leverage: set and read back, twice, since the second changes nothing."""
    symbol, terms = bench.terms.swap or "", bench.terms
    try:
        with exact():
            await bench.ports.broker.prepare(symbol, terms.leverage, terms.margin_mode)
            await bench.ports.broker.prepare(symbol, terms.leverage, terms.margin_mode)
    except Rejected as rejected:
        notes.holds("position mode", str(rejected), true=False)
        return
    evidence = f"{symbol}: one-way, {terms.margin_mode}, leverage {plain(terms.leverage)}; set and read back"
    notes.holds("position mode", evidence, true=True)


async def short(bench: Bench, notes: Notes) -> None:
    """Sell the least, see it as a position of that very size, close it reduce-only, and find it flat."""
    symbol = bench.terms.swap or ""
    kind = await bench.ports.account.kind()
    wallet = "unified" if kind.unified else FUTURES
    need = await _margin(bench)
    has = sum(
        (one.free for one in await bench.balances() if one.wallet == wallet and one.asset == bench.terms.quote), ZERO
    )
    if has < need / SPARE:
        notes.rest(f"the {wallet} wallet has {plain(has)} {bench.terms.quote}, a short needs {plain(need)}")
        return
    bid, _ = await bench.best(symbol)
    opened, view = await bench.trade(symbol, -bench.size(symbol, bid))
    position = await _position(bench, flat=False)
    size = position.quantity if position else ZERO
    evidence = f"filled {plain(-view.filled)} base units, the position is {plain(size)}"
    notes.holds("short", evidence, true=bool(view.filled) and size == -view.filled)
    fills, _ = await traded(bench, opened, view.filled)
    fees(bench, notes, "futures fees", symbol, fills)
    closed, view = await bench.trade(symbol, abs(size or view.filled), reduce_only=True)
    left = await _position(bench, flat=True)
    flat = left is None and view.state == OrderState.FILLED
    notes.holds("closed", f"reduce-only {view.state.value}; {f'{left.quantity} left' if left else 'flat'}", true=flat)
    for each in (opened, closed):
        bench.permit.over(each.client_id)
    _, ask = await bench.best(symbol)
    price = bench.through(symbol, ask, buy=True)
    again = bench.intent(symbol, bench.size(symbol, ask), price, reduce_only=True)
    placed, late, why = await bench.place(again)
    if placed == Placed.ACCEPTED and late is None:
        late, _ = await bench.seen(again, ended=True)
    nothing = placed == Placed.REJECTED or (late is not None and not late.filled)
    notes.holds("reduce-only, flat", f"{placed.value}: {why or (late.state.value if late else '')}", true=nothing)


async def _position(bench: Bench, *, flat: bool) -> Position | None:
    """The position once it is as expected, or as it is after a while."""
    clock, started_s = bench.ports.clock, bench.ports.clock.mono()
    while True:
        found = await bench.position()
        if (found is None) is flat or clock.mono() - started_s > LOOK_FOR_S:
            return found
        await clock.sleep(LOOK_EVERY_S)


async def back(bench: Bench, notes: Notes) -> None:
    """Bring back what was lent."""
    if not bench.lent:
        notes.unknown("transfer back", "nothing was moved")
        return
    evidence, done = await bring_back(bench)
    notes.holds("transfer back", evidence, true=done)


async def bring_back(bench: Bench) -> tuple[str, bool]:
    """Move the lent money to the spot wallet again, as far as it is there; what was done, and whether it was all.

    Fees and a trade's loss were paid out of it, so that as much less comes back.
    """
    free = sum(
        (one.free for one in await bench.balances() if one.wallet == FUTURES and one.asset == bench.terms.quote), ZERO
    )
    amount = min(bench.lent, free).quantize(Decimal("1e-4"), "ROUND_DOWN")
    if not amount:
        bench.lent = ZERO
        return "nothing is there to be moved", True
    placed, why, intent = await bench.move(amount, FUTURES, "spot")
    found, _ = await bench.arrived(intent)
    done = found == Placed.ACCEPTED
    if done:
        bench.lent = ZERO
    words = f"{plain(amount)} {bench.terms.quote} was {placed.value}{f' ({why})' if why else ''}, found: {found}"
    return words, done and amount * ONE > ZERO


PERPETUAL = (
    FUNDING,
    Part({"transfer": False}, lend),
    Part({"position mode": True}, mode),
    Part({"short": True, "futures fees": False, "closed": True, "reduce-only, flat": True}, short),
    Part({"transfer back": False}, back),
)
