"""Owns `ballast explain` and `ballast why`: a recorded decision, and its word on one asset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from bot.cli.parts import go, record_of, settings_of
from bot.cli.screen import show, show_json
from bot.cli.told import Told

MOST_ORDERS = 1000  # of one decision: far more than a plan can hold


def explain(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="The decision's id, or how it begins.")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show a recorded decision and what followed from it.

    Example: ballast explain dxk3
    """
    from bot.render.decisions import explained

    settings = settings_of(config)
    body = go(_explained(config, decision_id))
    if as_json:
        show_json(body)
    else:
        show(explained(body, body["orders"], body["fills"], settings.accounting_currency))


async def _explained(config: Path, decision_id: str) -> dict[str, Any]:
    from bot.core.numbers import jsonable
    from bot.render.decisions import decision_body
    from bot.render.orders import order_body

    async with record_of(settings_of(config)) as record:
        row = await record.told(decision_id)
        if row is None:
            raise Told(f"{decision_id}: begins no decision's id, or those of several; `ballast decisions` lists them")
        orders = await record.orders(MOST_ORDERS, decision_id=row.decision_id)
        fills = await record.fills(decision_id=row.decision_id)
        followed = {"orders": [order_body(each) for each in reversed(orders)], "fills": jsonable(fills)}
        return {**decision_body(row), **followed}


def why(
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="A configured coin, such as BTC.")],
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say what the last decision made of one asset, and why.

    Example: ballast why BTC
    """
    from bot.render.decisions import why_view

    body = go(_last(config))
    known = {each["asset"].lower(): each["asset"] for each in body["exposures"]}
    name = known.get(asset.lower())
    if name is None:
        raise Told(f"{asset}: is not configured, must be one of {', '.join(sorted(known.values()))}")
    if as_json:
        show_json(_word(body, name))
    else:
        show(why_view(body, name))


async def _last(config: Path) -> dict[str, Any]:
    from bot.render.decisions import decision_body

    async with record_of(settings_of(config)) as record:
        rows = await record.decisions(1)
        if not rows:
            raise Told("nothing is decided yet; `ballast run --cycles 1` decides once")
        return decision_body(rows[0])


def _word(body: dict[str, Any], asset: str) -> dict[str, Any]:
    about = {name: [each for each in body[name] if each["asset"] == asset] for name in ("actions", "blocked", "holds")}
    return {
        "decision_id": body["decision_id"],
        "at": body["at"],
        **next(each for each in body["exposures"] if each["asset"] == asset),
        "triggers": [each for each in body["triggers"] if each["subject"] == asset],
        **about,
    }
