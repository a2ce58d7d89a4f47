"""Owns how one decision looks to people, fresh or recorded: made from the plan's JSON body alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.render.bar import drift_bar
from bot.render.words import amount, counted, instant, money, percent, points, sentence, times, whole_seconds

Body = Mapping[str, Any]
INDENT: Final = "   "
SHOWN_LEAST: Final = 0.0005  # of equity: what would be written as 0.0 points is no size


def plan_view(body: Body, currency: str = "") -> RenderableType:
    """The whole decision: account, orders, refusals, holds, and the account as it would be left."""
    parts: list[RenderableType] = [head(body, currency), Text(), assets_table(body), stables_line(body)]
    # An action's or a refusal's own sentence holds its triggers.
    told = {item["asset"] for item in (*body["actions"], *body["blocked"])}
    left = [item for item in body["triggers"] if item["subject"] not in told]
    parts += [Text(f"Trigger   {item['rule']} {item['subject']}: {item['why']}") for item in left]
    if body["actions"]:
        parts += [Text(), Text(f"Would do  {counted(len(body['actions']), 'action')}", style="bold")]
        parts += [orders_table(body["actions"]), *(sentence_of(item) for item in body["actions"])]
    if body["blocked"]:
        parts += [Text(), Text(f"Refused   {counted(len(body['blocked']), 'wish', 'wishes')}", style="bold")]
        parts += [refusal_of(item) for item in body["blocked"]]
    if body["holds"]:
        parts += [Text(), Text("Holds", style="bold"), holds_table(body["holds"])]
    if body["actions"]:
        parts += [Text(), after_line(body)]
    return Group(*parts)


def head(body: Body, currency: str = "") -> Text:
    """One line: which decision, when, and what the account is worth."""
    worth = f"{money(body['equity'])} {currency}".rstrip()
    made = Text.assemble(
        ("Decision ", "bold"),
        (str(body["decision_id"]), "bold cyan"),
        f"  {instant(body['at'])}  equity ",
        (worth, "bold"),
        f"  regime {body['regime']}  stress {body['stress']}",
    )
    for name in ("alarms", "unknown"):
        if body[name]:
            made.append(f"\n{sentence(name)}: {', '.join(body[name])}", style="yellow")
    return made


def assets_table(body: Body, only: Collection[str] | None = None) -> Table:
    """Net exposure, target and drift of every asset (or of some), the drift drawn inside its band."""
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    for name in ("net", "target", "drift"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("in its band", no_wrap=True)
    table.add_column("trend", overflow="fold")
    for item in body["exposures"]:
        if only is not None and item["asset"] not in only:
            continue
        low, high = item["band"]
        bar = drift_bar(item["net"], item["target"], (low, high))
        table.add_row(
            item["asset"],
            percent(item["net"]),
            percent(item["target"]),
            Text(points(item["drift"]), style=bar.colour),
            bar.text(),
            item["trend"] or Text("unknown", style="dim"),
        )
    return table


def stables_line(body: Body) -> Text:
    """Where the stables are."""
    item = body["stables"]
    parts = [f"{percent(item['liquid'])} liquid", f"floor {percent(item['floor'])}"]
    parts.append(f"dry powder {percent(item['dry_powder'])}")
    parts += [f"{name} {percent(item[name])}" for name in ("margin", "earn") if item[name]]
    return Text(f"Stables   {', '.join(parts)}")


def orders_table(actions: Sequence[Body]) -> Table:
    """The orders that would be sent, one line per leg."""
    table = plain_table()
    table.add_column("action", no_wrap=True)
    table.add_column("order", overflow="fold")
    table.add_column("worth", justify="right", no_wrap=True)
    table.add_column("at worst", justify="right", no_wrap=True)
    for number, action in enumerate(actions, 1):
        name = f"{number} {action['kind']} {action['asset']}"
        for leg in action["legs"]:
            worst = leg.get("limit")
            table.add_row(
                name, leg_words(leg), money(leg.get("notional", leg["amount"])), amount(worst) if worst else ""
            )
            name = ""
    return table


def leg_words(leg: Body) -> str:
    """``sell 0.06 BTC/USDT``, ``buy 0.04 BTC/USDT:USDT reduce-only``, ``move 500 USDT from spot to futures``."""
    if "side" not in leg:
        return f"move {amount(leg['amount'])} {leg['asset']} from {leg['from']} to {leg['to']}"
    only = " reduce-only" if leg["reduce_only"] else ""
    return f"{leg['side']} {amount(leg['amount'])} {leg['symbol']}{only}"


def sentence_of(action: Body) -> Text:
    """What an action does, why, at what cost, and what made it smaller."""
    made = Text.assemble((wish_words(action), "green"), f": {_reason(action)}")
    if "cost" in action:
        income = action["cost"]["funding"].startswith("-")
        after = f" after {money(action['cost']['funding'][1:])} of funding income" if income else ""
        made.append(f"; costs {money(action['cost']['total'])}{after}, worth {money(action.get('benefit'))}")
    if action["funded_by"]:
        made.append(f"; paid for by {', '.join(action['funded_by'])}")
    made.append(".")
    for verdict in action["gates"]["not_passed"]:
        made.append(f"\n{INDENT}made smaller by {verdict_words(verdict)}", style="yellow")
    return made


def refusal_of(action: Body) -> Text:
    """What was wanted, and every gate that said no with what would have let it through."""
    made = Text.assemble((wish_words(action), "yellow"), f": {_reason(action)}.")
    for verdict in action["gates"]["not_passed"]:
        made.append(f"\n{INDENT}{verdict_words(verdict)}", style="yellow")
    return made


def _reason(action: Body) -> str:
    """Why it is wished; the rule is not named again where its own trigger is the reason."""
    return str(action["why"]).removeprefix(f"{action['rule']}: ")


def wish_words(action: Body) -> str:
    """``Trim BTC −5.0 points (R-A3)``; a size that rounds to nothing is left out."""
    change = action["exposure_change"]
    size = f" {points(change)} points" if change and abs(change) >= SHOWN_LEAST else ""
    return f"{sentence(action['kind'].replace('_', ' '))} {action['asset']}{size} ({action['rule']})"


def verdict_words(verdict: Body) -> str:
    """``R-G6 defers: why; nearest: …``; the instant it is put off to, where the nearest does not name it already."""
    says = {"defer": "defers", "veto": "vetoes", "resize": "resizes"}.get(verdict["verdict"], verdict["verdict"])
    named = verdict.get("nearest") or ""
    until = verdict.get("until")
    when = f" until {instant(until)}" if until and until not in named else ""
    nearest = f"; nearest: {whole_seconds(named)}" if named else ""
    return f"{verdict['gate']} {says}{when}: {whole_seconds(verdict['why'])}{nearest}"


def holds_table(holds: Sequence[Body]) -> Table:
    """Why nothing is wished, and the nearest thing that would change it."""
    table = plain_table()
    table.add_column("asset", no_wrap=True, style="bold")
    table.add_column("because", ratio=3, overflow="fold")
    table.add_column("until", ratio=2, overflow="fold", style="dim")
    rows = dict.fromkeys(
        (item["asset"], whole_seconds(f"{item['rule']}: {item['why']}"), whole_seconds(item["nearest"] or ""))
        for item in holds
    )
    for row in rows:
        table.add_row(*row)
    return table


def after_line(body: Body) -> Text:
    """The account once everything approved is done."""
    after = body["after"]
    nets = ", ".join(f"{asset} {percent(net)}" for asset, net in after["exposures"].items())
    return Text(
        f"After     {nets}; liquid stables {percent(after['liquid_stables'])}, gross {times(after['gross_leverage'])}"
    )


def words_on(body: Body, asset: str) -> Iterator[Text]:
    """Everything a decision says of one asset: triggers, actions, refusals, holds."""
    for item in body["triggers"]:
        if item["subject"] == asset:
            yield Text(f"{item['rule']}: {item['why']}.")
    yield from (sentence_of(item) for item in body["actions"] if item["asset"] == asset)
    yield from (refusal_of(item) for item in body["blocked"] if item["asset"] == asset)
    for item in body["holds"]:
        if item["asset"] == asset:
            nearest = f"; nearest: {item['nearest']}" if item["nearest"] else ""
            yield Text(whole_seconds(f"Holds ({item['rule']}): {item['why']}{nearest}."))


def plain_table() -> Table:
    """A table without lines, so that it stays whole in 80 columns and in a file."""
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
