from __future__ import annotations

from bot.render.cycle import WHOLE_EVERY, Teller
from bot.render.plan import holds_table
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
    assert "BTC holds: R-W2: inside its band" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_cycle_in_which_only_numbers_moved_is_one_line() -> None:
    teller = Teller("USDT")
    teller.block(a_body(EVEN))
    later = a_body({"BTC": 0.541, "ETH": 0.36}, at="2026-01-05T12:10:00Z")
    text = text_of(teller.block(later), 80)
    assert len(lines(text)) == 1
    assert "2026-01-05 12:10:00 UTC" in text
    assert "2 hold" in text
    assert "BTC at 2% of its band" in text


def test_a_hold_for_another_reason_is_told_and_the_rest_is_folded() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    said = one_line(teller.block(a_body({"BTC": 0.54, "ETH": 0.20})))
    assert "ETH holds: R-A10: trend unknown" in said
    assert "BTC holds as before" in said
    assert "ETH 20.0 %" in said
    assert "BTC 54.0 %" not in said


def test_what_is_wanted_is_told_every_time_with_its_orders() -> None:
    teller = Teller()
    for _ in range(2):
        said = one_line(teller.block(a_body(), [FILLED]))
        assert "Trim BTC −5.0 points" in said
        assert "did sell 0.0599 BTC/USDT at 50,000.00: filled" in said


def test_where_nothing_is_sent_it_says_would() -> None:
    said = one_line(Teller(sends=False).block(a_body()))
    assert "Would do" in said
    assert "sell 0.0599 BTC/USDT" in said
    assert "Would do" not in one_line(Teller(sends=True).block(a_body()))


def test_a_refusal_is_told_once_and_then_folded_into_the_line() -> None:
    teller = Teller()
    first = one_line(teller.block(a_body(control={"kill": "freeze"})))
    word = "R-G1 vetoes: kill level freeze; nearest: kill level off, now freeze: an operator's `resume`"
    assert f"Trim BTC −5.0 points (R-A3) is refused: {word}" in first
    again = text_of(teller.block(a_body(control={"kill": "freeze"}, at="2026-01-05T12:10:00Z")), 80)
    assert len(lines(again)) == 1
    assert "1 wait (R-G1)" in again


def test_now_and_then_the_table_is_shown_again() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    whole = ["in its band" in text_of(teller.block(a_body(EVEN))) for _ in range(WHOLE_EVERY)]
    assert whole == [False] * (WHOLE_EVERY - 1) + [True]


def test_a_note_makes_a_cycle_worth_telling() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    assert "quotes timed out" in one_line(teller.block(a_body(EVEN), notes=["quotes timed out"]))


def test_a_refusal_by_another_gate_is_told_anew() -> None:
    teller = Teller()
    refused = a_body(control={"kill": "freeze"})
    teller.block(refused)
    refused["blocked"][0]["gates"]["not_passed"][0]["gate"] = "R-G11"
    assert "is refused: R-G11 vetoes" in one_line(teller.block(refused))


def test_who_is_told_the_same_is_told_it_once() -> None:
    body = a_body(EVEN)
    for item in body["holds"]:
        item.update(rule="R-A10", why="stress 2: no adds", nearest="stress under 2")
    said = one_line(Teller().block(body))
    assert "BTC, ETH hold: R-A10: stress 2: no adds; nearest: stress under 2." in said


def test_a_cycle_that_only_parks_shows_no_empty_table() -> None:
    teller = Teller()
    teller.block(a_body(EVEN))
    body = a_body(EVEN)
    parking = {
        "kind": "park",
        "asset": "USDT",
        "rule": "R-A19",
        "why": "R-A19: 2.0 points lie idle beyond floor and buffer",
        "exposure_change": 0.0,
        "legs": [{"asset": "USDT", "amount": "2000", "from": "spot", "to": "earn"}],
        "gates": {"passed": 9, "not_passed": []},
        "funded_by": [],
    }
    text = text_of(teller.block({**body, "actions": [parking]}))
    assert "in its band" not in text
    assert "Park USDT (R-A19): 2.0 points lie idle" in text


def test_just_under_its_band_is_not_called_all_of_it() -> None:
    teller = Teller()
    teller.block(a_body({"BTC": 0.589, "ETH": 0.36}))
    said = one_line(teller.block(a_body({"BTC": 0.5898, "ETH": 0.36})))
    assert "BTC at 99% of its band" in said


def test_an_asset_that_holds_twice_for_one_reason_is_named_once() -> None:
    body = a_body(EVEN)
    hold = {
        "asset": "BTC",
        "rule": "R-W8",
        "why": "R-A17 already acts on BTC in this plan",
        "nearest": "the next cycle",
    }
    said = one_line(Teller().block({**body, "holds": [hold, hold]}))
    assert "BTC holds: R-W8" in said
    assert one_line(holds_table([hold, hold])).count("R-W8") == 1
