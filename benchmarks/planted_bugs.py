"""Owns the bugs that are planted into a copy of the bot's order path: where, what becomes what, and what reveals it."""

from __future__ import annotations

from typing import NamedTuple


class Bug(NamedTuple):
    """One planted bug: ``old`` stands in ``file`` exactly once. ``kinds``: faults that ought to reveal it.

    ``kind@operation`` strikes that one alone, at more of its calls. ``beside``: what is wrong anyway meanwhile.
    ``cycle_s``: how long a cycle of the histories is.
    """

    name: str
    file: str
    old: str
    new: str
    kinds: tuple[str, ...] = ()
    cycle_s: int = 3_600
    beside: tuple[str, ...] = ()


EXECUTE, RECONCILE, RECORD = "bot/engine/execute.py", "bot/engine/reconcile.py", "bot/engine/record.py"
PERMIT, DAEMON, ACTION = "bot/engine/permit.py", "bot/daemon.py", "bot/engine/action.py"
PLACE = "                    placed, view, why = await self._parts.broker.place(intent, self._permit)\n"
BUGS: tuple[Bug, ...] = (
    Bug(
        "an order without an answer is sent again",
        EXECUTE,
        PLACE,
        PLACE + "                    if placed == Placed.UNKNOWN:\n"
        "                        placed, view, why = await self._parts.broker.place(intent, lambda _intent: None)\n",
        ("timeout_after",),
        beside=("venue.place#1 timeout_after 60",),
    ),
    Bug(
        "the word before the send is written after it",
        EXECUTE,
        "            await self._recorder.append([self._recorder.submitted(intent, wish.key)])\n"
        "            submitted_at",
        "            submitted_at",
    ),
    Bug(
        "not found is proof at once",
        RECONCILE,
        "        if now - since < self._parts.visible_within:\n            return made, OrderState.UNKNOWN\n",
        "",
        ("late_accept", "hidden"),
        60,
        beside=("venue.place#1 late_accept 60",),
    ),
    Bug(
        "fills are believed by status",
        RECORD,
        "        if view.filled > row.filled:\n",
        "        if view.state == OrderState.FILLED and view.filled > row.filled:\n",
        ("partial_fill",),
        beside=("world.place#1 partial_fill 0.95",),
    ),
    Bug(
        "an order that says filled is closed before its trades add up",
        RECORD,
        "            state = OrderState.PARTLY_FILLED\n            why = f",
        "            why = f",
        ("late_trades",),
        beside=("venue.place#1 late_trades 7200",),
    ),
    Bug(
        "the kill switch is looked at when the cycle begins and not at the gate",
        PERMIT,
        "        level = self._kill()\n",
        '        level: Kill = "off"\n',
        ("halt", "flatten"),
        beside=(
            "venue.place#1 slow_answer 30",
            "process.step#234 halt 60",
        ),
    ),
    Bug(
        "the lease is not fenced",
        "bot/store/sql/leasing.py",
        "    if row is None or row.fence != fence or not row.holder:\n",
        "    if row is None:\n",
        ("second_process", "suspended"),
        beside=("process.step#1 second_process 7200", "process.step#511 suspended 14400"),
    ),
    Bug(
        "amounts are binary floats",
        ACTION,
        "    amount = market.down(abs(qty))\n",
        "    amount = Decimal(float(market.down(abs(qty))))\n",
    ),
    Bug(
        "a position's sign is lost",
        "bot/venues/simulated/mapping.py",
        '        side="long" if record.quantity > 0 else "short",\n',
        '        side="long",\n',
    ),
    Bug(
        "reduce-only is missing",
        ACTION,
        "reduce_only=leg.reduce_only,",
        "reduce_only=False,",
        ("flash_crash", "flatten", "deposit"),
    ),
    Bug(
        "client ids come from a counter that starts anew",
        "bot/core/orders.py",
        "digest(portfolio, decision_id, action_id, str(leg), str(part), length=24)",
        'digest(portfolio, action_id.rpartition("-")[2], str(leg), str(part), length=24)',
    ),
    Bug(
        "a list that cannot be read proves that nothing is there",
        RECONCILE,
        "        if isinstance(open_now, Gap) or isinstance(fills, Gap) or any(",
        "        if isinstance(fills, Gap):\n"
        "            fills = ()\n"
        "        if isinstance(open_now, Gap):\n"
        "            open_now = ()\n"
        "        if not isinstance(open_now, (list, tuple)) and any(",
        beside=(
            "venue.place#1 timeout_after 10",
            "venue.find#1 forgotten 1",
            "venue.fills#10 read_gap 1",
        ),
    ),
    Bug(
        "an unknown order times out into absent, whatever its trades",
        RECONCILE,
        "        traded, whole = max(row.filled, _traded(row, fills)), abs(row.sent_qty or row.intent.qty)\n",
        "        traded, whole, booked = row.filled, abs(row.intent.qty), []\n",
        beside=(
            "venue.place#1 timeout_after 10",
            "venue.find#1 forgotten 1",
        ),
    ),
    Bug(
        "a failed cancel counts as cancelled",
        RECONCILE,
        "        return before if isinstance(after, Gap) else after\n",
        "        gone = OrderView(row.intent.client_id, row.venue_id, OrderState.CANCELLED, row.filled, None)\n"
        "        return gone if isinstance(after, Gap) else after\n",
        cycle_s=60,
        beside=("venue.cancel#1 cancel_fails 20",),
    ),
    Bug(
        "a trade has no lasting name",
        RECORD,
        'return Event(f"fill:{fill.symbol}:{fill.trade_id}", fill.at,',
        'body["trade_id"] = f"{fill.trade_id}.{self.trades}"\n'
        '        return Event(f"fill:{fill.symbol}:{fill.trade_id}.{self.trades}", fill.at,',
        ("duplicate_fills",),
    ),
    Bug(
        "a transfer is sent again while the first one's outcome is unknown",
        "bot/engine/cycle.py",
        "        moving = any(row.state == OrderState.UNKNOWN for row in await self._parts.store.moves())\n",
        "        moving = False\n",
        cycle_s=60,
        beside=("venue.move#1 timeout_before 60",),
    ),
    Bug(
        "a transfer without an answer counts as made",
        RECONCILE,
        "        if found in (Placed.ACCEPTED, Placed.EXISTS):\n",
        "        if not isinstance(found, Gap):\n",
        beside=("venue.move#1 timeout_before 60",),
    ),
    Bug(
        "the collar is off", "bot/core/gates/collar.py", "    collar = limits.price_collar\n", "    collar = ONE / 2\n"
    ),
    Bug(
        "the floor counts for nothing",
        "bot/core/desk.py",
        "        return self.policy.targets.stables.floor * self.equity\n",
        "        return ZERO * self.equity\n",
    ),
    Bug(
        "the later leg is sized by the plan and not by the fill",
        EXECUTE,
        '                ratio = sent.filled / intent.qty\n                why = why or ("" if sent.filled',
        '                ratio = share\n                why = why or ("" if share',
        beside=("world.place#1 partial_fill 0.3",),
    ),
    Bug(
        "a completed cycle's id runs again after a restart",
        DAEMON,
        "        if loaded.last_cycle_at is not None:\n            self._last_number",
        "        if not loaded:\n            self._last_number",
        kinds=("crash",),
        beside=("process.step#150 crash 1",),
    ),
    Bug(
        "orders of unknown outcome are not counted by the next decision",
        "bot/engine/cycle.py",
        "        orders = await self._parts.store.orders()\n",
        "        orders = [row for row in await self._parts.store.orders() if row.state != OrderState.UNKNOWN]\n",
        beside=(
            "venue.place#1 timeout_after 10",
            "venue.find#1 read_gap 1",
        ),
    ),
    Bug(
        "trades that come late are not asked for",
        RECONCILE,
        "        await self._late()\n",
        "",
        kinds=("fill_after_cancel",),
        beside=("world.cancel#1 fill_after_cancel 0.5",),
    ),
    Bug(
        "what was sent before a crash counts as never sent",
        RECONCILE,
        "        if row.state == OrderState.INTENDED:\n"
        "            return [self._recorder.state(row.intent, OrderState.DENIED, NEVER_SENT)], OrderState.DENIED\n",
        "        if row.state in (OrderState.INTENDED, OrderState.SUBMITTED):\n"
        "            return [self._recorder.state(row.intent, OrderState.DENIED, NEVER_SENT)], OrderState.DENIED\n",
        kinds=("crash",),
        beside=(
            "venue.place#1 timeout_after 60",
            "process.step#234 crash 1",
        ),
    ),
    Bug(
        "a heartbeat that fails ends the daemon",
        DAEMON,
        "                await self._one(cycle_id)\n                await self._beat_again()\n",
        "                await self._one(cycle_id)\n                await self._beat()\n",
        kinds=("full_before",),
        beside=("store.commit#40 full_before 8",),
    ),
    Bug(
        "what was traded today counts for nothing",
        "bot/core/gates/pace.py",
        "    done = desk.memory.turnover\n",
        "    done = None\n",
    ),
    Bug(
        "a machine that wakes trusts the kill level that it fell asleep with",
        DAEMON,
        "self.engine.guard.skew.blocked or self.kill.unseen",
        "self.engine.guard.skew.blocked",
        beside=("process.step#132 halt 60", "process.step#157 suspended 6.9"),
    ),
)
