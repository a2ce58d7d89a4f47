"""What must stand in one place only: the catch-all, the clock, and the making of an approval."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from tests.architecture.source import BOT, dotted, modules, named, tree

CATCH_ALLS = {"Exception", "BaseException"}
CLOCKS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
}


def catches_all(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        if node.type is None:
            return True
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        return any(dotted(kind) in CATCH_ALLS for kind in caught)
    if isinstance(node, ast.Call) and dotted(node.func) in {"suppress", "contextlib.suppress"}:
        return any(dotted(kind) in CATCH_ALLS for kind in node.args)
    return False


def reads_a_clock(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "time":
        return True
    if isinstance(node, ast.Call | ast.Attribute):
        name = dotted(node.func if isinstance(node, ast.Call) else node)
        return ".".join(name.split(".")[-2:]) in CLOCKS
    return False


def approves(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "Approved"


def places(path: Path, wanted: Callable[[ast.AST], bool]) -> list[str]:
    return [named(path, node) for node in ast.walk(tree(path)) if wanted(node)]


def test_at_most_one_handler_catches_everything_and_it_is_the_daemons() -> None:
    found = [(path, place) for path in modules() for place in places(path, catches_all)]
    assert len(found) <= 1, f"more than one catch-all: {[place for _, place in found]}"
    astray = [place for path, place in found if path != BOT / "daemon.py"]
    assert not astray, f"a catch-all outside the daemon: {astray}"


def test_only_clocks_reads_a_clock() -> None:
    found = [place for path in modules() if path != BOT / "clocks.py" for place in places(path, reads_a_clock)]
    assert not found, f"ask the clock port instead: {found}"


def test_only_the_gate_makes_an_approval() -> None:
    found = [place for path in modules() if path != BOT / "core" / "gate.py" for place in places(path, approves)]
    assert not found, f"Approved is built in core/gate.py alone: {found}"


def test_the_readers_above_see_what_they_look_for() -> None:
    planted = ast.parse(
        "try:\n    pass\nexcept (ValueError, Exception):\n    pass\n"
        "with suppress(BaseException):\n    pass\n"
        "dt.datetime.now()\nfrom time import time\nasyncio.wait_for(time.sleep, 1)\nnouns.Approved(1)\n"
    )
    nodes = list(ast.walk(planted))
    assert sum(map(catches_all, nodes)) == 2
    assert {getattr(node, "lineno", 0) for node in nodes if reads_a_clock(node)} == {7, 8, 9}
    assert sum(map(approves, nodes)) == 1
