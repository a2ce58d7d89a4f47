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
SEED, DRAWN = 4, 10
# Drawn and left out, for its next one: in SQLite a transaction stands between two turns of the loop: there is
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
        22,
        "symbols of ended orders are asked for late trades",
        "bot/engine/reconcile.py",
        "        await self._late()\n",
        "",
        "tests/unit/engine/test_silence.py"
        "::test_a_fill_that_came_after_the_cancel_is_booked_however_long_the_cycle_is",
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
        55,
        "a damaged record is not opened",
        "bot/wiring.py",
        "        await must_be_sound(url)\n",
        "        del must_be_sound\n",
        "tests/unit/test_wiring.py::test_a_damaged_record_is_refused_before_anything_is_written",
    ),
    Removal(
        66,
        "a source of the kill level that cannot be read freezes",
        "bot/engine/stop.py",
        '        self._put(f"unreadable {name}", Standing("freeze", f"{name} cannot be read: {why}", name))\n',
        "",
        "tests/unit/engine/test_stop.py::test_an_unreadable_file_freezes_while_it_lasts_and_lifts_by_itself",
    ),
)  # fmt: skip


def drawn() -> list[int]:
    """The modes that the seed draws, of those that are held in full."""
    able = [mode.number for mode in MODES if mode.tests and not mode.not_here]
    return sorted(number for number in random.Random(SEED).sample(able, DRAWN + 1) if number != LEFT_OUT)


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
        f"Seed {SEED}, commit {commit}. Mode {LEFT_OUT} was drawn too and left out for the next one: in SQLite a "
        "transaction stands between two turns of the loop, so that there is nothing to cancel."
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
