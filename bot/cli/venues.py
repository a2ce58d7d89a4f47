"""Owns `ballast venues`: what each venue can do here, and what the bot does where it cannot; asks no venue."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.options import AsJson
from bot.cli.screen import show, show_json
from bot.cli.told import Told


def venues(
    venue: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A ccxt id; without one, every venue that has a profile.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what works on a venue, and what is done instead.

    Example: ballast venues mexc
    """
    from bot.ports.errors import VenueError
    from bot.render.venues import venue_view, venues_view
    from bot.venues.ccxt.card import cards

    try:
        bodies = [card.body() for card in cards(venue)]
    except VenueError as error:
        raise Told(str(error)) from error
    if as_json:
        show_json(bodies)
    else:
        show(venue_view(bodies[0]) if venue else venues_view(bodies))
