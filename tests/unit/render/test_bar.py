from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render.bar import BEYOND, INSIDE, OUTSIDE, WIDTH, drift_bar

BAND = (0.45, 0.55)


@pytest.mark.parametrize(
    ("net", "cells", "colour"),
    [
        (0.50, "·····├────●────┤·····", INSIDE),
        (0.53, "·····├────┼──●─┤·····", INSIDE),
        (0.5499, "·····├────┼───●┤·····", INSIDE),
        (0.55, "·····├────┼────●·····", OUTSIDE),
        (0.45, "·····●────┼────┤·····", OUTSIDE),
        (0.58, "·····├────┼────┤··●··", OUTSIDE),
        (0.60, "·····├────┼────┤····●", BEYOND),
        (0.40, "●····├────┼────┤·····", BEYOND),
        (0.75, "·····├────┼────┤····▶", BEYOND),
        (0.10, "◀····├────┼────┤·····", BEYOND),
    ],
)
def test_the_marker_stands_where_the_exposure_is(net: float, cells: str, colour: str) -> None:
    bar = drift_bar(net, 0.50, BAND)
    assert bar.cells == cells
    assert bar.colour == colour


def test_an_unknown_exposure_has_no_marker() -> None:
    bar = drift_bar(None, 0.50, BAND)
    assert bar.cells == "·····├────┼────┤·····"
    assert bar.mark is None


def test_a_band_cut_at_zero_is_drawn_whole() -> None:
    bar = drift_bar(0.0, 0.02, (0.0, 0.07))
    assert bar.colour == INSIDE
    assert bar.cells.index("●") < WIDTH // 2


@given(st.floats(0, 1.5), st.floats(0.01, 1), st.floats(0.005, 0.3), st.sampled_from([11, 21, 41]))
def test_inside_is_drawn_inside_and_outside_outside_in_every_width(
    net: float, target: float, half: float, width: int
) -> None:
    bar = drift_bar(net, target, (max(0.0, target - half), target + half), width=width)
    assert len(bar.cells) == width
    assert bar.mark is not None
    off_centre = abs(bar.mark - width // 2)
    outside = round(abs(round(net - target, 9)), 9) >= round(target + half - target, 9)
    assert (off_centre >= width // 2 // 2) == outside
    assert (bar.colour == INSIDE) != outside


def test_only_the_marker_is_coloured() -> None:
    text = drift_bar(0.58, 0.50, BAND).text()
    assert [(span.start, span.end) for span in text.spans] == [(18, 19)]
