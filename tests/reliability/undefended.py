"""Takes ten defences away, one at a time, in a copy of the tree, and runs the test that should see it.

`python -m tests.reliability.undefended [NUMBER …]` draws by `SEED` and writes the outcome into docs/reliability.md; it
ends with 1 where a test did not fail. What is taken away is a piece of text that must stand in its file exactly once.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.modes import MODES
from tests.reliability.page import PAGE, with_part

ROOT = Path(__file__).resolve().parents[2]
SEED, DRAWN = 5, 10
# Never drawn: in SQLite a transaction stands between two turns of the loop: there is
# nothing to cancel; and on a server waiting for the commit stands behind the transaction, which holds by itself.
LEFT_OUT = 54
COPIED = ("bot", "tests", "config", "migrations", "benchmarks", "docs", "pyproject.toml", ".importlinter")
MOST_S = 300


@dataclass(frozen=True, slots=True)
class Removal:
    """A defence of a mode: ``old`` in ``file`` becomes ``new``; ``test`` must see it; ``what`` it was."""

    mode: int
    what: str
    file: str
    old: str
    new: str
    test: str


REMOVALS = (
    Removal(
        3,
        "what is not certain of a write is unknown",
        "bot/venues/ccxt/errors.py",
        "        return Placed.REJECTED, why\n    return Placed.UNKNOWN, why",
        "        return Placed.REJECTED, why\n    return Placed.REJECTED, why",
        "tests/wire/test_faults.py::test_a_create_without_a_sure_answer_is_unknown_and_looked_up_never_sent_again",
    ),
    Removal(
        4,
        "an error of the line is no word of the venue",
        "bot/venues/ccxt/errors.py",
        "    ccxt.ExchangeClosedByUser,\n)",
        "    ccxt.ExchangeClosedByUser,\n    ccxt.NetworkError,\n)",
        "tests/wire/test_faults.py::test_a_create_without_a_sure_answer_is_unknown_and_looked_up_never_sent_again",
    ),
    Removal(
        7,
        "only what the venue itself says of a key is believed",
        "bot/venues/ccxt/client.py",
        "            if response is None:\n",
        "            if code == 403:\n                raise ccxt.PermissionDenied\n            if response is None:\n",
        "tests/reliability/test_wall.py::test_a_wall_before_the_exchange_is_no_word_about_the_key",
    ),
    Removal(
        9,
        "an order that its answer does not show is unknown",
        "bot/engine/execute.py",
        "            return [self._recorder.state(row.intent, OrderState.UNKNOWN, why)], OrderState.UNKNOWN, ZERO\n",
        "            return [self._recorder.state(row.intent, OrderState.REJECTED, why)], OrderState.REJECTED, ZERO\n",
        "tests/unit/engine/test_execute.py"
        "::test_an_answer_without_an_order_is_looked_up_and_unknown_where_it_is_not_found",
    ),
    Removal(
        13,
        "no request leaves where the library may repeat it",
        "bot/venues/ccxt/client.py",
        "        if any(again):\n",
        "        if not again:\n",
        "tests/unit/venues/ccxt/test_client.py::test_where_ccxt_is_told_to_send_again_no_request_leaves",
    ),
    Removal(
        15,
        "mode live asks for the venue's certificate",
        "bot/wiring.py",
        "    certificate_of(data_folder(settings), settings.venue.id, futures=settings.venue.futures)\n",
        "    del certificate_of\n",
        "tests/e2e/test_live.py::test_each_term_of_live_is_refused_until_it_holds_and_then_orders_go_out",
    ),
    Removal(
        16,
        "a clock that is off by a second stops what is sent",
        "bot/engine/skew.py",
        'found: Verdict = "far off" if proven >= stop else',
        'found: Verdict = "far off" if proven < -stop else',
        "tests/unit/engine/test_skew.py::test_a_cycle_with_a_clock_that_is_off_sends_nothing_and_says_why",
    ),
    Removal(
        22,
        "symbols of ended orders are asked for late trades",
        "bot/engine/reconcile.py",
        "        await self._late()\n",
        "",
        "tests/unit/engine/test_silence.py"
        "::test_a_fill_that_came_after_the_cancel_is_booked_however_long_the_cycle_is",
    ),
    Removal(
        23,
        "a status says nothing about what filled",
        "bot/store/rows.py",
        "        price_avg=row.price_avg if row.filled or told is None else told,\n",
        '        filled=Decimal(str(event.body.get("filled") or row.filled)),\n',
        "tests/contract/store/test_store_contract.py::test_what_filled_comes_from_trades_and_never_from_a_status",
    ),
    Removal(
        34,
        "a close says that it is reduce-only",
        "bot/venues/ccxt/profiles/binance.py",
        '            params["reduceOnly"] = True',
        '            params.pop("reduceOnly", None)',
        "tests/contract/venue/test_venue_contract.py::test_a_reduce_only_order_never_turns_a_position",
    ),
    Removal(
        35,
        "off its peg, the accounting currency stops all but safety",
        "bot/core/gates/depeg.py",
        "    if desk.policy.accounting_currency in found.off and",
        "    if desk.policy.accounting_currency in () and",
        "tests/rules/test_stopping.py::test_r_g12_the_accounting_currency_off_stops_all_but_safety",
    ),
    Removal(
        36,
        "a move of several ATR cools off before anything is traded",
        "bot/core/gates/spike.py",
        "        if move > policy.spike.atr:\n",
        "        if move < 0:\n",
        "tests/rules/test_stopping.py::test_r_g4_a_running_move_of_more_than_three_atr_defers",
    ),
    Removal(
        41,
        "an order of our kind that the record did not intend freezes",
        "bot/engine/foreign.py",
        'self._kill.set("freeze", "orphan sweep", ',
        'print("freeze", "orphan sweep", ',
        "tests/unit/engine/test_guard.py::test_an_open_order_under_our_prefix_that_nobody_here_intended_freezes",
    ),
    Removal(
        42,
        "a lease of another holder shuts out while it runs",
        "bot/store/sql/leasing.py",
        '    elif row.holder not in ("", holder) and row.until > now:',
        '    elif row.holder not in ("", holder) and row.until < now:',
        "tests/contract/store/test_store_contract.py"
        "::test_a_lease_that_ran_out_is_taken_over_and_its_old_holder_shut_out",
    ),
    Removal(
        49,
        "the word before the send is on disk before the send",
        "bot/engine/execute.py",
        "            await self._recorder.append([self._recorder.submitted(intent, wish.key)])\n",
        "",
        "tests/unit/engine/test_disk.py::test_no_room_for_the_word_before_the_send_is_no_order",
    ),
    Removal(
        51,
        "a writer waits for another's lock",
        "bot/store/sql/engine.py",
        "    for waited_ms in range(0, BUSY_TIMEOUT_MS + 1, _BUSY_STEP_MS):\n",
        "    for waited_ms in (BUSY_TIMEOUT_MS,):\n",
        "tests/contract/store/test_in_sql.py::test_a_writer_waits_for_another_process_and_then_gives_up_in_one_line",
    ),
    Removal(
        55,
        "a damaged record is not opened",
        "bot/wiring.py",
        "        await must_be_sound(url)\n",
        "        del must_be_sound\n",
        "tests/unit/test_wiring.py::test_a_damaged_record_is_refused_before_anything_is_written",
    ),
    Removal(
        64,
        "the permit asks for the kill level at the socket",
        "bot/engine/permit.py",
        "        level = self._kill()\n",
        '        level: Kill = "off"\n',
        "tests/unit/engine/test_stop.py::test_a_kill_between_two_legs_denies_the_second_and_breaks_the_pair",
    ),
    Removal(
        66,
        "a source of the kill level that cannot be read freezes",
        "bot/engine/stop.py",
        '        self._put(f"unreadable {name}", Standing("freeze", f"{name} cannot be read: {why}", name))\n',
        "",
        "tests/unit/engine/test_stop.py::test_an_unreadable_file_freezes_while_it_lasts_and_lifts_by_itself",
    ),
    Removal(
        72,
        "what a sale did not bring in is missing to what it pays for",
        "bot/engine/execute.py",
        "        missing += max(ZERO, planned - other.proceeds)\n",
        "        missing += ZERO * planned\n",
        "tests/unit/engine/test_execute.py::test_what_a_sale_did_not_bring_in_is_not_bought",
    ),
)  # fmt: skip


def drawn() -> list[int]:
    """The modes that the seed draws, of those that are held in full."""
    able = [mode.number for mode in MODES if mode.tests and not mode.not_here]
    found = [number for number in random.Random(SEED).sample(able, DRAWN + 1) if number != LEFT_OUT]
    return sorted(found[:DRAWN])


def passes(folder: Path, test: str) -> tuple[bool, str]:
    """Whether a test passes in a copy of the tree, and the line that says so."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib",
         test],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=MOST_S,
        check=False,
    )  # fmt: skip
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
    if done.returncode not in (0, 1):
        raise SystemExit(f"{test} did not run: {last}")
    return done.returncode == 0, last


def tried(removal: Removal, folder: Path) -> tuple[bool, bool]:
    """Whether the test passes with the defence and without it."""
    path = folder / removal.file
    text = path.read_text(encoding="utf-8")
    if text.count(removal.old) != 1:
        raise SystemExit(f"mode {removal.mode}: its text stands {text.count(removal.old)} times in {removal.file}")
    before, _ = passes(folder, removal.test)
    path.write_text(text.replace(removal.old, removal.new), encoding="utf-8")
    try:
        after, _ = passes(folder, removal.test)
    finally:
        path.write_text(text, encoding="utf-8")
    return before, after


def table(results: list[tuple[Removal, bool, bool]], commit: str) -> str:
    """The outcome as Markdown."""
    rows = [
        f"| {removal.mode} | {removal.what} | {removal.test.partition('::test_')[2].replace('_', ' ')} "
        f"| {'passes' if before else 'fails'} | {'passes' if after else 'fails'} |"
        for removal, before, after in results
    ]
    head = ["| mode | taken away | test | with it | without |", "| --- | --- | --- | --- | --- |"]
    said = (
        f"Seed {SEED}, commit {commit}. Mode {LEFT_OUT} is never drawn: in SQLite a transaction stands between "
        "two turns of the loop, so that there is nothing to cancel."
    )
    missed = [removal.mode for removal, _, after in results if after]
    tail = f"**Not seen: {', '.join(map(str, missed))}.** Another way holds it too, or the test is too weak." * bool(
        missed
    )
    return "\n".join([said, "", *head, *rows, *(("", tail) if tail else ())])


def main(asked: list[str]) -> int:
    known = {removal.mode: removal for removal in REMOVALS}
    wanted = [int(each) for each in asked] or drawn()
    if unknown := [number for number in wanted if number not in known]:
        raise SystemExit(f"no removal is written for the modes {unknown}")
    results: list[tuple[Removal, bool, bool]] = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        for number in wanted:
            before, after = tried(known[number], folder)
            results.append((known[number], before, after))
            sys.stdout.write(f"mode {number}: {before=} {after=}\n")
            sys.stdout.flush()
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not asked:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(with_part(page, "undefended", table(results, said.stdout.strip())), encoding="utf-8")
    return 0 if all(before and not after for _, before, after in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
