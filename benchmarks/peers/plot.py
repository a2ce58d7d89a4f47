"""A plot of seconds by engine and width: bars on a logarithmic scale, as an SVG of a few shapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

LEFT, WIDE, HIGH, GAP = 150, 520, 16, 14
COLOURS = {"ballast": "#0f766e", "ballast, every bar": "#5eead4"}
OTHER = "#94a3b8"


def bars(seconds: Mapping[int, Mapping[str, float]], engines: Sequence[str]) -> str:
    """Groups of bars by width, the quickest engine first; the scale goes in whole tens."""
    known = [value for group in seconds.values() for value in group.values()]
    least, most = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    parts: list[str] = []
    y = 28
    for coins, group in seconds.items():
        parts.append(_text(8, y, f"{coins} coins", bold=True))
        y += 10
        for name in sorted((each for each in engines if each in group), key=group.__getitem__):
            wide = max(2.0, (math.log10(group[name]) - least) / (most - least) * WIDE)
            colour = COLOURS.get(name, OTHER)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{wide:.0f}" height="{HIGH - 4}" fill="{colour}"/>')
            parts.append(_text(LEFT - 6, y + 10, name, anchor="end"))
            parts.append(_text(LEFT + wide + 5, y + 10, _seconds(group[name])))
            y += HIGH
        y += GAP
    grid = [
        f'<line x1="{x:.0f}" y1="16" x2="{x:.0f}" y2="{y - GAP}" stroke="#cbd5e1" stroke-dasharray="2 3"/>'
        + _text(x, 12, _seconds(10.0**power), anchor="middle")
        for power in range(least, most + 1)
        for x in [LEFT + (power - least) / (most - least) * WIDE]
    ]
    size = f'width="{LEFT + WIDE + 90}" height="{y}" viewBox="0 0 {LEFT + WIDE + 90} {y}"'
    style = 'font-family="sans-serif" font-size="11" fill="#334155"'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{ground}{"".join(grid + parts)}</svg>\n'


def _seconds(value: float) -> str:
    return f"{value:,.3g} s" if value >= 1 else f"{value * 1e3:,.3g} ms"


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.0f}" y="{y}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
