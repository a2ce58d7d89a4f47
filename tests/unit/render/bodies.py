"""Builders of what is rendered: bodies of plans that the core made, and the text a console makes of a view."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console, RenderableType

from bot.core.plan import plan
from bot.core.policy import Policy
from bot.core.snapshot import parse
from tests.unit.cli.snapshots import a_snapshot

OVER: Mapping[str, float] = {"BTC": 0.64, "ETH": 0.20}
EVEN: Mapping[str, float] = {"BTC": 0.54, "ETH": 0.36}


def a_policy(**groups: Any) -> Policy:
    targets = {
        "stables": {"weight": "0.10", "floor": "0.05"},
        "sleeves": {"majors": {"weight": "0.9", "assets": {"BTC": "0.6", "ETH": "0.4"}}},
    }
    return Policy.model_validate({"targets": targets, **groups})


def a_body(weights: Mapping[str, float] = OVER, groups: Mapping[str, Any] | None = None, **over: Any) -> dict[str, Any]:
    """A plan as the record holds it: through its JSON text once."""
    made = plan(parse(json.dumps(a_snapshot(weights, **over))), a_policy(**(groups or {})))
    body: dict[str, Any] = json.loads(made.to_json())
    return body


def text_of(view: RenderableType, width: int = 100) -> str:
    """What a console of that width prints, without colour."""
    out = io.StringIO()
    Console(file=out, width=width, markup=False, emoji=False, highlight=False, color_system=None).print(view)
    return out.getvalue()


def one_line(view: RenderableType) -> str:
    """The same on one line, so that a sentence is found wherever it was folded."""
    return " ".join(text_of(view, 4000).split())
