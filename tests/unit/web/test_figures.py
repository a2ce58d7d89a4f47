"""The figures behind the pages: bullets, folded decisions, kill levels, health, heat, futures, metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.core.memory import Bridge, Hedge, Memory
from bot.ports.panorama import Ending, Head, Paid, Turn, Volume
from bot.ports.store import ControlRow, DecisionRow
from bot.web.bullets import WIDTH, bullet, state_of
from bot.web.futures import held, rates, sums
from bot.web.heat import table
from bot.web.metrics import COUNTED, Facts, Tally, exposition, lag_s
from bot.web.sheets import age, compact, duration, moment, plainly
from bot.web.standing import drawdown, pulse, standing
from bot.web.timeline import LOOKED_AT, LOOKS_MOST, Bodies, Page, timeline

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def an_exposure(**over: Any) -> dict[str, Any]:
    return {
        "asset": "BTC", "sleeve": "majors", "spot": 0.6, "futures": -0.1, "net": 0.5, "target": 0.4,
        "band": [0.35, 0.45], "drift": 0.1, "trend": "range", "readings": {}, "notes": [], **over,
    }  # fmt: skip


# ---- bullets


@pytest.mark.parametrize(
    ("net", "state"),
    [(0.4, "inside"), (0.449, "inside"), (0.45, "outside"), (0.35, "outside"), (0.499, "outside"), (0.5, "beyond"),
     (0.29, "beyond"), (None, "unknown")],
)  # fmt: skip
def test_the_edges_of_a_band_belong_to_the_outside(net: float | None, state: str) -> None:
    assert state_of(an_exposure(net=net)) == state


def test_everything_on_a_bullet_is_inside_the_drawing_and_in_order() -> None:
    drawn = bullet(an_exposure())
    assert drawn.spot
    assert drawn.futures
    assert drawn.net
    assert drawn.zero == 0 < drawn.band.x < drawn.target < drawn.band.x + drawn.band.width < drawn.net < WIDTH
    assert drawn.spot.x + drawn.spot.width == pytest.approx(drawn.futures.x + drawn.futures.width)
    assert drawn.futures.x == pytest.approx(drawn.net), "a hedge eats back from the end of the spot bar"


def test_a_short_of_more_than_the_coins_is_left_of_zero() -> None:
    drawn = bullet(an_exposure(spot=0.1, futures=-0.3, net=-0.2))
    assert drawn.net is not None
    assert 0 <= drawn.net < drawn.zero


def test_an_asset_without_a_price_has_no_marks_and_says_so() -> None:
    drawn = bullet(an_exposure(spot=None, futures=None, net=None, drift=None))
    assert (drawn.spot, drawn.futures, drawn.net) == (None, None, None)
    assert drawn.signs == "unknown"
    assert "net ?" in drawn.says


def test_a_target_of_nothing_draws_without_dividing_by_it() -> None:
    drawn = bullet(an_exposure(spot=0.0, futures=0.0, net=0.0, target=0.0, band=[0.0, 0.0], drift=0.0))
    assert drawn.state == "inside"


# ---- timeline


@dataclass
class Told:
    """A record of decisions by outcome and what they refused, oldest first."""

    said: Sequence[tuple[str, tuple[str, ...]]]
    asked: list[int | None] = field(default_factory=list)
    read: list[int] = field(default_factory=list)

    async def turns(self, limit: int, *, before: int | None = None) -> list[Turn]:
        self.asked.append(before)
        numbers = range(min(before or len(self.said) + 1, len(self.said) + 1) - 1, 0, -1)
        return [self._turn(number) for number in numbers[:limit]]

    async def turns_after(self, number: int, limit: int) -> list[Turn]:
        return [self._turn(each) for each in range(number + 1, len(self.said) + 1)[:limit]]

    async def numbered(self, numbers: Sequence[int]) -> Mapping[int, DecisionRow]:
        self.read += numbers
        return {
            number: DecisionRow(number, f"d{number}", "c", AT, "1", "h", '{"decision_id": "d"}', "hold")
            for number in numbers
        }

    async def head(self) -> Head:
        return Head(len(self.said))

    async def endings(self, after: int, limit: int) -> list[Ending]:
        found = [Ending(7, "filled", 0.2), Ending(8, "filled", 400.0), Ending(9, "cancelled", 60.0)]
        return [each for each in found if each.id > after][:limit]

    def _turn(self, number: int) -> Turn:
        outcome, blocked = self.said[number - 1]
        actions = ["trim BTC"] if outcome == "actions" else []
        at = AT + timedelta(minutes=number)
        return Turn(number, f"d{number}", at, outcome, {"blocked": list(blocked), "actions": actions})


def panorama(*said: tuple[str, tuple[str, ...]]) -> Any:
    return Told(said)


async def paged(told: Any, *, before: int | None = None) -> Page:
    return await timeline(told, Bodies(told), before=before)


HOLD: tuple[str, tuple[str, ...]] = ("hold", ())


async def test_holds_are_folded_and_what_acted_stands_alone() -> None:
    page = await paged(panorama(HOLD, HOLD, ("actions", ()), ("actions", ()), HOLD, HOLD, HOLD))
    assert [(entry.outcome, entry.count) for entry in page.entries] == [
        ("hold", 3), ("actions", 1), ("actions", 1), ("hold", 2),
    ]  # fmt: skip
    assert (page.entries[0].newest.number, page.entries[0].oldest.number) == (7, 5)
    assert page.before is None


async def test_the_same_refusals_are_one_line_in_whatever_order_and_others_are_not() -> None:
    page = await paged(
        panorama(
            ("blocked", ("add SOL",)),
            ("blocked", ("add SOL", "trim BTC")),
            ("blocked", ("trim BTC", "add SOL")),
            HOLD,
        )
    )
    assert [(entry.outcome, entry.count) for entry in page.entries] == [("hold", 1), ("blocked", 2), ("blocked", 1)]


async def test_pages_follow_one_another_without_a_gap() -> None:
    told = panorama(*[("actions", ())] * 45)
    seen: list[int] = []
    before: int | None = None
    while True:
        page = await paged(told, before=before)
        seen += [entry.newest.number for entry in page.entries]
        if page.before is None:
            break
        before = page.before
    assert seen == list(range(45, 0, -1))


async def test_a_page_that_is_asked_for_again_reads_only_new_decisions() -> None:
    told = panorama(*[("actions", ())] * 3)
    bodies = Bodies(told)
    await timeline(told, bodies)
    told.said = (*told.said, ("actions", ()))
    page = await timeline(told, bodies)
    assert [entry.body is not None for entry in page.entries] == [True] * 4
    assert told.read == [3, 2, 1, 4]


async def test_a_quiet_record_is_not_read_to_its_beginning() -> None:
    told = panorama(*[HOLD] * (LOOKED_AT * (LOOKS_MOST + 3)))
    page = await paged(told)
    assert len(told.asked) == LOOKS_MOST
    assert [entry.count for entry in page.entries] == [LOOKED_AT * LOOKS_MOST]
    rest = await paged(told, before=page.before)
    assert rest.entries[0].newest.number == LOOKED_AT * 3


# ---- standing


def a_request(what: str, value: str = "", *, number: int = 1, at: datetime = AT) -> ControlRow:
    return ControlRow(number, at, what, value, "cli:ann", "odd fills")


def kill(level: str, at: datetime | None = None) -> dict[str, Any]:
    body = {"level": level, "reason": "why", "by": "x", "at": at.isoformat() if at else None}
    return {"kill": body}


def test_what_was_asked_for_counts_before_the_bot_says_so() -> None:
    asked = a_request("kill", "halt")
    now = standing(kill("off"), [asked], asked, "off")
    assert (now.level, now.by, now.in_force) == ("halt", "cli:ann", False)
    later = standing(kill("halt", AT), [asked], asked, "off")
    assert (later.level, later.in_force) == ("halt", True)


def test_a_higher_level_of_the_bots_own_stays() -> None:
    asked = a_request("kill", "freeze")
    assert standing(kill("halt", AT), [asked], asked, "off").level == "halt"


def test_a_level_nobody_knows_counts_as_the_highest() -> None:
    asked = a_request("kill", "stop-everything")
    assert standing(kill("flatten", AT), [asked], asked, "off").level == "stop-everything"


def test_a_resume_counts_since_the_kill_it_lifts_and_never_lifts_the_configurations_own() -> None:
    resumed = [a_request("resume", number=2, at=AT + timedelta(seconds=5))]
    assert standing(kill("halt", AT), resumed, None, "off").free
    assert standing(kill("halt", AT), resumed, None, "freeze").level == "freeze"
    assert not standing(kill("halt", AT + timedelta(seconds=9)), resumed, None, "off").free


def test_nothing_recorded_is_no_kill() -> None:
    assert standing(None, [], None, "off").free


def test_drawdown_is_the_fall_from_the_peak_and_unknown_before_both_are_known() -> None:
    assert drawdown(Memory(unit_peak=Decimal("1.25"), unit_value=Decimal(1))) == pytest.approx(0.2)
    assert drawdown(Memory(unit_peak=Decimal(1), unit_value=Decimal("1.1"))) == 0
    assert drawdown(Memory()) is None


def test_ready_means_a_word_and_a_decision_in_time() -> None:
    beat = {"beat_at": AT.isoformat()}
    soon, late = AT + timedelta(seconds=59), AT + timedelta(seconds=61)
    assert pulse(beat, soon, 10.0, 1.0).ready
    assert not pulse(beat, late, 10.0, 1.0).ready
    assert not pulse(beat, soon, 61.0, 1.0).ready
    assert not pulse(beat, soon, None, 1.0).ready
    assert not pulse({}, soon, 1.0, 1.0).ready
    assert pulse(beat, late, 100.0, 60.0).ready, "three cycles of a minute"


# ---- heat, futures, words


def test_heat_is_against_a_symbols_own_best_hour_and_an_hour_without_bars_is_none() -> None:
    volumes = [Volume("BTC/USDT", 0, 50.0, 30), Volume("BTC/USDT", 4, 100.0, 30), Volume("XRP/USDT", 4, 0.0, 9)]
    tickers = {"BTC/USDT": {"bid": "99.95", "ask": "100.05", "quote_volume": "1000"}, "XRP/USDT": {"bid": "1"}}
    made = table(volumes, {"tickers": tickers})
    assert made.hours == [0, 4]
    assert [cell.level for cell in made.rows[0].cells] == [4, 8]
    assert made.rows[0].spread_bp == 10
    assert [cell.level for cell in made.rows[1].cells] == [None, 0]
    assert made.rows[1].spread_bp is None


def test_hedges_and_bridges_tell_their_age_their_funding_and_their_end() -> None:
    memory = Memory(
        hedges=(
            Hedge(
                symbol="BTC/USDT:USDT",
                purpose="index",
                contracts=Decimal("0.2"),
                opened_at=AT - timedelta(days=2),
                reason="R-A24",
                funding_paid=Decimal("-3.5"),
            ),
        ),
        bridges=(Bridge(symbol="ETH/USDT:USDT", contracts=Decimal(2), opened_at=AT - timedelta(hours=1)),),
    )
    policy = {
        "hedge": {"max_age": "30d", "funding_limit": "0.15"},
        "bridge": {"max_age": "7d", "funding_limit": "0.25", "stop": "0.1"},
    }
    hedge, bridge = held(memory, policy, AT)
    assert (hedge.what, hedge.age, hedge.funding_paid) == ("index hedge", timedelta(days=2), Decimal("-3.5"))
    assert hedge.ends == AT + timedelta(days=28)
    assert hedge.until == "funding over 15.00 % a year"
    assert bridge.until == "a stop at 10.0 %, funding over 25.00 % a year"
    assert held(memory, {}, AT)[0].ends is None


def test_funding_rates_are_told_by_the_year_of_their_own_interval() -> None:
    found = rates({"funding": {"A": {"rate": "0.0001"}, "B": {"rate": "-0.0001", "interval_hours": "1"}}})
    assert [round(each.yearly, 4) for each in found] == [Decimal("0.1095"), Decimal("-0.8760")]


def test_funding_is_summed_by_symbol_the_largest_first() -> None:
    paid = [Paid(AT, "A", Decimal("0.1")), Paid(AT, "B", Decimal(-5)), Paid(AT, "A", Decimal("0.2"))]
    assert sums(paid) == [("B", Decimal(-5)), ("A", Decimal("0.3"))]


def test_values_are_written_for_people() -> None:
    assert [age(each) for each in (None, 8.4, 61, 3_700, 90_000, -61)] == [
        "?", "8 s", "1 min", "1 h 1 min", "1 d 1 h", "−1 min",
    ]  # fmt: skip
    assert [compact(each) for each in (12_345_678, "0.5", 1.7e9, "x", 2_000)] == ["12.3M", "0.5", "1.7B", "?", "2k"]
    assert (moment("2026-01-05T09:50:00Z"), moment(None), moment("soon")) == ("5 Jan 09:50", "?", "soon")
    assert plainly("from 2026-01-05T01:05:00.123Z on") == "from 2026-01-05 01:05 UTC on"
    assert [duration(each) for each in ("30d", "15m", "x", "", "1y")] == [
        timedelta(days=30), timedelta(minutes=15), None, None, None,
    ]  # fmt: skip


# ---- metrics


def samples(facts: Facts) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(exposition(facts).decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def some_facts(tally: Tally, *, beat: Mapping[str, Any] | None = None, plan: Mapping[str, Any] | None = None) -> Facts:
    said = {"equity": "92076.14", "requests": {"GET /x": 60}, **kill("halt", AT)} if beat is None else beat
    return Facts(
        said,
        {"exposures": [an_exposure(futures=None)], "stress": 2, "regime": "bear", "unknown": ["dominance"]}
        if plan is None
        else plan,
        standing(said, [], None, "off"),
        pulse(said, AT, 3.0, 1.0),
        tally,
        0.25,
        1_000,
        2,
    )


async def test_metrics_tell_exposure_drift_band_equity_stress_and_what_was_counted() -> None:
    tally = Tally()
    told = panorama(HOLD, ("actions", ("add SOL",)), ("blocked", ("add SOL", "trim BTC")))
    await tally.count(told)
    await tally.count(told)
    found = samples(some_facts(tally))
    assert found["ballast_equity", ()] == pytest.approx(92_076.14)
    assert found["ballast_exposure_ratio", (("asset", "BTC"), ("part", "net"))] == 0.5
    assert ("ballast_exposure_ratio", (("asset", "BTC"), ("part", "futures"))) not in found, "unknown is not 0"
    assert found["ballast_band_ratio", (("asset", "BTC"), ("edge", "high"))] == 0.45
    assert found["ballast_kill_level", (("level", "halt"),)] == 1
    assert found["ballast_kill_level", (("level", "off"),)] == 0
    assert found["ballast_decisions_total", (("outcome", "hold"),)] == 1, "counting twice counts once"
    assert found["ballast_wishes_total", (("kind", "add"), ("verdict", "refused"))] == 2
    assert found["ballast_wishes_total", (("kind", "trim"), ("verdict", "approved"))] == 1
    assert found["ballast_requests_total", (("call", "GET /x"),)] == 60
    assert found["ballast_unknown_readings", ()] == 1


def test_metrics_tell_what_people_were_told_and_how_late_a_decision_came() -> None:
    plan = {"at": "2026-01-05T00:10:02.5Z", "recorded": {"cycle_id": "600000:2945953"}}
    post = {"waiting": 1, "delivered": 4, "undelivered": 2, "why": "refused"}
    found = samples(some_facts(Tally(), beat={"alerts": post, "memory_bytes": 7_000}, plan=plan))
    assert found["ballast_bot_memory_bytes", ()] == 7_000
    assert found["ballast_memory_bytes", ()] == 1_000, "of the process that serves the page"
    assert found["ballast_alerts_undelivered", ()] == 2
    assert found["ballast_alerts_waiting", ()] == 1
    assert found["ballast_cycle_lag_seconds", ()] == pytest.approx(2.5)
    assert lag_s({**plan, "recorded": {"cycle_id": "600000:2945953:1767571802000"}}) == pytest.approx(0.5)
    assert lag_s({**plan, "recorded": {"cycle_id": "once"}}) is None, "no turn, no lag"
    assert ("ballast_alerts_undelivered", ()) not in samples(some_facts(Tally(), beat={}, plan={}))


async def test_a_long_record_is_not_counted_from_its_beginning() -> None:
    tally = Tally()
    told = panorama(*[HOLD] * (COUNTED + 500), ("actions", ("add SOL",)))
    await tally.count(told)
    assert dict(tally.outcomes) == {"hold": COUNTED - 1, "actions": 1}


async def test_order_latencies_are_a_cumulative_histogram() -> None:
    tally = Tally()
    await tally.count(panorama(HOLD))
    found = samples(some_facts(tally))

    def upto(edge: str, state: str = "filled") -> float:
        return found["ballast_order_seconds_bucket", (("le", edge), ("state", state))]

    assert (upto("0.1"), upto("0.25"), upto("300.0"), upto("+Inf")) == (0, 1, 1, 2)
    assert upto("60.0", "cancelled") == 1
    assert found["ballast_order_seconds_sum", (("state", "filled"),)] == pytest.approx(400.2)


async def test_what_is_unknown_is_left_out_of_the_metrics() -> None:
    found = samples(some_facts(Tally(), beat={}, plan={}))
    names = {name for name, _ in found}
    assert "ballast_equity" not in names
    assert "ballast_stress" not in names
    assert "ballast_beat_age_seconds" not in names
    assert "ballast_drawdown_ratio" in names
