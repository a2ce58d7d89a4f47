"""Owns what a starting bot says first: what it runs on, and how it is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

MONEY: Final = {
    "paper": "simulated money",
    "dry-run": "orders are shown and recorded, none is sent",
    "testnet": "play money on a test venue",
    "live": "REAL MONEY",
}


def header_view(what: Mapping[str, str], cycles: int | None = None) -> RenderableType:
    """Four lines: what runs, where it writes, and how to stop it."""
    mode = what["mode"]
    ends = "" if cycles is None else f" {cycles} cycles end it too."
    return Group(
        Text.assemble(
            ("Ballast ", "bold"), f"runs portfolio {what['portfolio']} in mode ", (mode, "bold"), f": {MONEY[mode]}."
        ),
        Text(f"Venue {what['venue']} ({what['environment']}). Record {what['store']}"),
        Text(f"Ctrl-C ends it, the next start goes on from there.{ends}"),
        Text("In another terminal: `ballast kill halt` stops trading, `ballast why BTC` explains."),
    )
