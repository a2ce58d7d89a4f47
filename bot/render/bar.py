"""Owns the drift bar: where an asset's net exposure stands between the edges of its band, readable without colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.text import Text

WIDTH: Final = 21  # cells: the target in the middle, the band's edges at a quarter and three quarters
HARD: Final = 2.0  # bands: the bar's ends, where the trend is no longer asked (the rulebook's default)
INSIDE, OUTSIDE, BEYOND, BLIND = "green", "yellow", "red", "dim"
MARK, TARGET, EDGE_LOW, EDGE_HIGH = "●", "┼", "├", "┤"
FAR_LOW, FAR_HIGH = "◀", "▶"


@dataclass(frozen=True, slots=True)
class Bar:
    """The cells of one bar and the colour of its marker."""

    cells: str
    colour: str
    mark: int | None

    def text(self) -> Text:
        """For a terminal: only the marker has a colour."""
        made = Text(self.cells, style="dim", no_wrap=True)
        if self.mark is not None:
            made.stylize(f"not dim bold {self.colour}", self.mark, self.mark + 1)
        return made


def drift_bar(net: float | None, target: float, band: tuple[float, float], *, width: int = WIDTH) -> Bar:
    """``····├────┼──●─┤····``; arrows where the net exposure is off the bar, no marker where it is unknown.

    ``net``, ``target`` and the band's edges are fractions of equity. The edges belong to the outside: a drift of
    exactly a band triggers (R-W2), so the marker then stands on the edge; inside it never does.
    """
    middle = width // 2
    quarter = middle // 2
    low, high = middle - quarter, middle + quarter
    cells = ["·"] * width
    cells[low : high + 1] = "─" * (high - low + 1)
    cells[low], cells[middle], cells[high] = EDGE_LOW, TARGET, EDGE_HIGH
    # The lower edge may be cut at 0, where nothing can be under it; the upper one never is.
    half = round(band[1] - target, 9)
    if net is None or half <= 0:
        return Bar("".join(cells), BLIND, None)
    drift = round(net - target, 9)
    share = abs(drift) / half
    steps = round(share * quarter)
    if share < 1:
        steps, colour = min(steps, quarter - 1), INSIDE
    else:
        steps, colour = max(steps, quarter), OUTSIDE if share < HARD else BEYOND
    sign = 1 if drift >= 0 else -1
    off = steps > middle
    mark = middle + sign * min(steps, middle)
    cells[mark] = (FAR_HIGH if sign > 0 else FAR_LOW) if off else MARK
    return Bar("".join(cells), colour, mark)
