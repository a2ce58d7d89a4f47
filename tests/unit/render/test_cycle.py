from __future__ import annotations

from bot.render.cycle import WHOLE_EVERY, Teller
from tests.unit.render.bodies import EVEN, a_body, one_line, text_of

FILLED = {
    "side": "sell",
    "amount": "0.0599",
    "filled": "0.0599",
    "symbol": "BTC/USDT",
    "state": "filled",
    "price_avg": "50000",
    "why": "",
}


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_first_cycle_is_told_in_full() -> None:
    text = text_of(Teller("USDT").block(a_body(EVEN)), 80)
    assert "in its band" in text
    assert "BTC holds (R-W2)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_cycle_in_which_only_numbers_moved_is_one_line() -> None:
    teller = Teller("USDT")
    teller.block(a_body(EVEN))
    later = a_body({"BTC": 0.541, "ETH": 0.36}, at="2026-01-05T12:10:00Z")
    text = text_of(teller.block(later), 100)
    assert len(lines(text)) == 1
    assert "2026-01-05 12:10:00 UTC" in text
    assert "2 assets hold" in text
    assert "BTC at 2% of its band" in text


def test_a_hold_for_another_reason_is_told_and_the_rest_is_folded() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    said = one_line(teller.block(a_body({"BTC": 0.54, "ETH": 0.20})))
    assert "ETH holds (R-A10)" in said
    assert "BTC holds as before" in said


def test_what_is_wanted_is_told_every_time_with_its_orders() -> None:
    teller = Teller()
    for _ in range(2):
        said = one_line(teller.block(a_body(), [FILLED]))
        assert "sell 0.0599 BTC/USDT" in said
        assert "Trim BTC −5.0 points" in said
        assert "Did sell 0.0599 BTC/USDT at 50,000.00: filled" in said


def test_where_nothing_is_sent_it_says_would() -> None:
    assert "Would do" in one_line(Teller(sends=False).block(a_body()))
    assert "Does" in one_line(Teller(sends=True).block(a_body()))


def test_a_refusal_is_told_once_and_then_folded_into_the_line() -> None:
    teller = Teller()
    first = one_line(teller.block(a_body(control={"kill": "freeze"})))
    assert "R-G1 vetoes" in first
    again = text_of(teller.block(a_body(control={"kill": "freeze"}, at="2026-01-05T12:10:00Z")), 200)
    assert len(lines(again)) == 1
    assert "trim BTC waits: R-G1" in again


def test_now_and_then_the_table_is_shown_again() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    whole = ["in its band" in text_of(teller.block(a_body(EVEN))) for _ in range(WHOLE_EVERY)]
    assert whole == [False] * (WHOLE_EVERY - 1) + [True]


def test_a_note_makes_a_cycle_worth_telling() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    assert "quotes timed out" in one_line(teller.block(a_body(EVEN), notes=["quotes timed out"]))
