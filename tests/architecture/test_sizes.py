"""The tail is where a codebase turns ugly: no long file, no long function."""

from __future__ import annotations

from tests.architecture.source import BOT, functions, modules, named

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
CORE_FUNCTION_LINES_MAX = 40


def test_no_file_in_bot_is_longer_than_500_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    offenders = [f"{named(path)} has {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES_MAX]
    assert not offenders, "\n".join(offenders)


def test_no_function_is_longer_than_60_lines_nor_40_in_the_core() -> None:
    offenders = []
    for path in modules():
        limit = CORE_FUNCTION_LINES_MAX if path.is_relative_to(BOT / "core") else FUNCTION_LINES_MAX
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > limit:
                offenders.append(f"{named(path, function)} {function.name} has {lines} lines, at most {limit}")
    assert not offenders, "\n".join(offenders)
