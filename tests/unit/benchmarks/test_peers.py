"""The harness beside the peers: its medians and ratios, its tables, and how an interrupted run goes on."""

from __future__ import annotations

import cProfile
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers import figures, on_imports, tables
from benchmarks.peers.environments import QUICK, ROOT
from benchmarks.peers.kept import LONG_S, Kept, Sample
from benchmarks.peers.page import written
from benchmarks.peers.rooms import shares
from benchmarks.peers.steps import HELP, RUNS, THEIR_RUNS, VERSION, Step, backtests, lives, names, starts
from bot.core.numbers import utc_text

LAUNCH = ROOT / "benchmarks" / "peers" / "launch.py"
BARS = 500


def a_sample(engine: str, *seconds: float, stamp: str = "s", **line: object) -> Sample:
    told = {"engine": engine, "seconds": list(seconds), "apart": 1e-9, **line}
    return Sample(lines=[told], took=500.0, stamp=stamp, commit="abc1234", at="2026-01-02T03:04:05+00:00")


def a_backtest(kept: Kept, **seconds: float) -> list[Step]:
    """Ten coins, each engine seen once; ``loop`` is told by vectorbt's process."""
    steps = backtests([10], BARS)
    by_name = {step.name: step for step in steps}
    for name, value in seconds.items():
        engine = "numba loop" if name == "loop" else name
        kept.add(by_name["vectorbt" if name == "loop" else name].key, a_sample(engine, value))
    return steps


def a_step(code: str) -> Step:
    return Step("start", 0, "a child", "", ("-c", code))


def test_the_median_is_of_all_that_all_rounds_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    for seconds in ((1.0, 2.0), (9.0, 3.0), (4.0,)):
        kept.add("k", a_sample("bt", *seconds))
    found = figures.seen(kept.good("k"), "bt")
    assert found is not None
    assert (found.seconds, found.rounds) == (3.0, 3)
    assert figures.seen(kept.good("k"), "vectorbt") is None


def test_what_was_kept_is_there_for_the_next_process_and_a_round_of_minutes_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "data" / "kept.json"
    Kept(path).add("quick", a_sample("bt", 1.0))
    Kept(path).add("long", a_sample("backtrader", LONG_S + 1))
    again = Kept(path)
    assert [again.enough(key, 3) for key in ("quick", "long", "never")] == [False, True, False]
    assert again.enough("quick", 1)


def test_figures_of_other_code_are_dropped_and_those_of_the_same_stay(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    kept.add("ours", a_sample("ballast", 1.0, stamp="old"))
    kept.add("theirs", a_sample("bt", 1.0, stamp="pins"))
    assert kept.drop_others({"ours": "new", "theirs": "pins", "never": "x"}) == ["ours"]
    assert not Kept(kept.path).samples("ours")
    assert Kept(kept.path).good("theirs")


def test_with_ours_the_quick_peers_beside_it_are_measured_anew_and_long_ones_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = a_backtest(kept, ballast=1.0, bt=1.0, backtrader=LONG_S + 1)
    elsewhere = lives([20])[1]
    kept.add(elsewhere.key, a_sample("freqtrade", 0.1))
    stamps = {step.key: "new" if step.name == "ballast" else "s" for step in [*steps, elsewhere]}
    peers.outdated([*steps, elsewhere], kept, stamps)
    left = {step.name for step in [*steps, elsewhere] if kept.good(step.key)}
    assert left == {"backtrader", "freqtrade"}


def test_a_failure_is_told_until_the_step_succeeds(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    kept.add("k", Sample(failed="no such wheel"))
    assert kept.reason("k") == "no such wheel"
    assert not kept.enough("k", 1)
    kept.add("k", a_sample("bt", 1.0))
    assert kept.reason("k") == ""
    assert len(kept.samples("k")) == 1


def test_ratios_say_who_is_faster_and_whether_that_was_asked_for() -> None:
    assert figures.versus(12.34) == "12.3 × faster"
    assert figures.versus(0.01) == "100.0 × slower"
    assert figures.aim(9.9, 10.0) == "10 × faster: **missed**"
    assert figures.aim(0.06, 1 / 20) == "at most 20 × slower: met"
    assert figures.part(0.025) == "1/40.0"
    assert [figures.time(each) for each in (2.4e-5, 0.0235, 2.0, 350.0)] == ["24 μs", "23.5 ms", "2.00 s", "350 s"]
    assert figures.part(1.5) == "1.5 ×"


def test_the_backtest_table_sets_each_engine_against_ours(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = a_backtest(kept, ballast=2.0, bt=1.0, loop=0.001, vectorbt=40.0)
    rows = [line for line in tables.backtest(kept, steps, BARS) if line.startswith("| 10 ")]
    assert [row.split(" | ")[1] for row in rows] == ["numba loop", "vectorbt", "ballast", "bt"]
    assert "| 2,000.0 × slower | at most 20 × slower: **missed** |" in rows[0]
    assert "| 20.0 × faster | 10 × faster: met |" in rows[1]
    assert "| 2.00 s | 1 |  |  |" in rows[2]
    assert "| 2.0 × slower | 500 × faster: **missed** |" in rows[3]
    assert tables.picture(kept, steps) == {10: {"ballast": 2.0, "vectorbt": 40.0, "numba loop": 0.001, "bt": 1.0}}


def test_a_peer_that_cannot_be_installed_is_one_line_of_the_table(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = a_backtest(kept, ballast=2.0)
    kept.add(next(each for each in steps if each.name == "NautilusTrader").key, Sample(failed="no wheel"))
    rows = [line for line in tables.backtest(kept, steps, BARS) if line.startswith("| 10 ")]
    assert len(rows) == 2
    assert rows[1] == "| 10 | NautilusTrader | not measured | | | | | no wheel |"


def test_the_live_table_sets_both_kinds_of_cycle_against_freqtrades(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = lives([20])
    kept.add(steps[0].key, a_sample("new bar", 0.010))
    kept.add(steps[0].key, a_sample("quiet", 0.002))
    kept.add(steps[1].key, a_sample("freqtrade", 0.100))
    row = tables.live(kept, steps)[2]
    assert row == "| 20 | 100.0 ms | 10.0 ms | 1/10.0 | 1/20.0: **missed** | 2.0 ms | 1/50.0 | met |"


def test_start_and_memory_stand_beside_freqtrades_with_their_share(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = starts()
    figures_of = {
        HELP: a_sample(HELP, 0.1, peak_mb=30.0, floor_mb=9.0),
        VERSION: a_sample(VERSION, 0.5, peak_mb=60.0),
        RUNS: a_sample("the daemon", 0.01, start=2.0, resident_mb=180.0, peak_mb=190.0),
        THEIR_RUNS: a_sample("freqtrade", 0.1, start=4.0, resident_mb=200.0, peak_mb=240.0),
    }
    for step in steps:
        if step.name in figures_of:
            kept.add(step.key, figures_of[step.name])
    text = "\n".join(tables.start(kept, steps))
    assert "processor time | 100.0 ms | 500.0 ms | 0.20 | at most 0.3 | met |" in text
    assert "peak resident | 30 MB | 60 MB | 0.50 |  |  |" in text
    assert "processor time | 2.00 s | 4.00 s | 0.50 | at most 0.4 | **missed** |" in text
    assert "resident | 180 MB | 200 MB | 0.90 | at most 0.8 | **missed** |" in text
    assert "not measured | not measured" in text


def test_under_a_table_stands_where_our_time_goes(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = a_backtest(kept, ballast=2.0)
    shares_of = {"bot/core": 0.5, "bot/store": 0.3, "a": 0.04, "b": 0.04, "c": 0.04, "d": 0.04, "e": 0.02, "f": 0.02}
    kept.add(next(each for each in steps if each.name == "profile").key, a_sample("profile", rooms=shares_of))
    told = tables.backtest(kept, steps, BARS)[-2]
    assert told.startswith("Where ours goes under a profiler, 10 coins: `bot/core` 50%, `bot/store` 30%,")
    assert told.endswith("`d` 4%, all else 4%.")


def test_the_time_of_imports_is_each_packages_own() -> None:
    text = "import time: self [us] | cumulative | imported package\nimport time:  300 |  900 | ccxt\n"
    text += "import time:  100 |  100 |   ccxt.base.errors\nimport time:   600 |  600 |   bot.daemon\n"
    assert on_imports.shares(text) == {"bot": 0.6, "ccxt": 0.4}


def test_what_was_not_measured_makes_no_table(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    steps = [*backtests([10], BARS), *lives([20]), *starts()]
    assert not tables.backtest(kept, steps, BARS)
    assert not tables.live(kept, steps)
    assert not tables.start(kept, steps)
    assert not tables.picture(kept, steps)


def test_requests_are_those_that_the_page_of_the_venues_tells() -> None:
    rows = tables.requests(ROOT / "docs" / "venues.md")[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == ["binance", "bybit", "bingx", "weex", "mexc"]


def test_a_venue_whose_requests_grow_with_the_width_misses_what_was_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "venues.md"
    cells = "|58|{}|24|18|5|10|"
    page.write_text(
        "<!-- requests -->\n"
        + "".join(
            f"| {venue} | {width} {cells.format(quiet)}\n"
            for venue, width, quiet in (("flat", 5, 6), ("flat", 100, 6), ("steep", 5, 4), ("steep", 100, 6))
        )
        + "<!-- /requests -->\n",
        encoding="utf-8",
    )
    assert tables.requests(page)[2:] == [
        "| flat | 5, 100 | 6 | at most 6: met | 18 |",
        "| steep | 5, 100 | 4 to 6 | at most 6: **missed** | 18 |",
    ]


def test_a_table_stands_between_its_marks_and_all_else_is_left(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- live -->\nold\n<!-- /live -->\nafter\n", encoding="utf-8")
    written(page, "live", [r"| \1 |"])
    assert page.read_text(encoding="utf-8") == "before\n<!-- live -->\n| \\1 |\n<!-- /live -->\nafter\n"
    with pytest.raises(SystemExit, match="must have <!-- start -->"):
        written(page, "start", ["x"])


def test_every_table_has_its_marks_on_the_page() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in tables.NAMES:
        assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- /{name} -->\n") == 1, name


def test_extras_are_measured_where_they_are_asked_for() -> None:
    steps = backtests([10], BARS)
    chosen = {name: {step.name for step in steps if step.wanted(only, extras=extras)} for name, only, extras in (
        ("plain", [], False), ("extras", [], True), ("by name", ["backtrader"], False), ("section", ["live"], True),
    )}  # fmt: skip
    assert {"NautilusTrader", "backtrader"} & chosen["plain"] == set()
    assert {"NautilusTrader", "backtrader", "ballast", "vectorbt"} <= chosen["extras"]
    assert chosen["by name"] == {"backtrader"}
    assert chosen["section"] == set()


def test_each_step_is_kept_under_a_key_of_its_own() -> None:
    steps = [*backtests([10, 20], BARS), *backtests([10], BARS + 1), *lives([20, 100]), *starts()]
    assert len({step.key for step in steps}) == len(steps)
    assert {"backtest", "live", "start", "vectorbt", "numba loop", "bt"} <= set(names(steps))


def test_a_peers_figures_outlive_a_change_of_our_code_and_ours_do_not() -> None:
    mine, theirs = (
        Step("backtest", 10, "x", module, (), where) for module, where in (("on_ours", None), ("on_bt", QUICK))
    )
    assert mine.stamp() != theirs.stamp()
    assert theirs.stamp() == Step("backtest", 20, "y", "on_bt", (), QUICK).stamp()


def test_an_interrupted_run_measures_only_what_is_left(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    step = a_step(f"open({str(counted)!r}, 'a').write('x')")
    peers.measured([step], Kept(tmp_path / "kept.json"), 1, BARS)
    peers.measured([step], Kept(tmp_path / "kept.json"), 2, BARS)
    peers.measured([step], Kept(tmp_path / "kept.json"), 2, BARS)
    assert len(Kept(tmp_path / "kept.json").good(step.key)) == 2
    assert counted.read_text(encoding="utf-8") == "xxx", "two rounds, and one before that compiles and is not counted"


def test_a_child_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept.json")
    broken, sound = a_step("raise SystemExit(3)"), Step("start", 1, "another", "", ("-c", "pass"))
    peers.measured([broken, sound], kept, 1, BARS)
    assert "ended with 3" in kept.reason(broken.key)
    assert kept.good(sound.key)[0]["lines"][0]["engine"] == "another"


def test_a_childs_peak_is_its_own_and_not_its_parents() -> None:
    def peak(code: str) -> float:
        command = [sys.executable, "-I", "-S", str(LAUNCH), sys.executable, "-I", "-S", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(json.loads(done.stdout)["peak_mb"])

    ballast = bytearray(80 << 20)
    small, large = peak("pass"), peak("bytearray(40 << 20)")
    assert small < 30 < len(ballast) >> 20
    assert 40 < large < 40 + small + 5


def test_an_engine_that_is_not_known_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert peers.main(["--only", "zipline"]) == 64
    assert (
        "zipline is no section or engine, must be of `ballast --help`, `freqtrade --version`, backtest"
        in capsys.readouterr().err
    )


def test_what_a_library_takes_is_the_rooms_that_called_it() -> None:
    first = datetime(2019, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(minutes=minute) for minute in range(3_000)]  # each told once: texts are kept
    with cProfile.Profile() as seen:
        for at in moments:
            utc_text(at)
    found = shares(seen)
    assert sum(found.values()) == pytest.approx(1)
    assert found["bot/core"] > 0.8
