"""Words that must not be committed: package registries, paths of one machine, ticket numbers, how work is shared out.

Each pattern hides one letter in brackets, so that this file does not hold what it looks for.
"""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import ROOT, tracked

FORBIDDEN = {
    "a package registry or index": re.compile(
        r"python[h]osted|[p]ypi\.org|test\.[p]ypi|registry\.[n]pmjs|deb\.[d]ebian\.org"
        r"|--(?:extra-)?[i]ndex-url|--find-[l]inks[ =][\w./]|[P]IP_INDEX",
    ),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(?:[w]ork|[f]arm|[r]oot)/"),
    "a folder outside the checkout": re.compile(r"\.\./[s]hared"),
    "a ticket's number": re.compile(r"(?i)\b[i]ssues?\s+#?\d{1,2}\b|#\d+ [o]f \d+\b"),
    "how work is shared out": re.compile(
        r"(?i)\bsub-?[a]gents?\b|\b[c]laude\b|\b[a]nthropic\b|\b[c]hatgpt\b|\b[l]lms?\b|\b[c]o-authored-by\b"
        r"|\b(?:other|another) [h]elpers?\b|\b[i]ntegrator\b|\bthe [b]rief says\b|[t]mp/brief",
    ),
}
ALLOWED = {(".ci/run", "a folder outside the checkout")}  # recorded data beside the checkout, used where present


PICTURES = {".png"}  # bytes, in which any two letters stand somewhere


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what: str) -> None:
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if (name, what) in ALLOWED or path.suffix in PICTURES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), start=1):
            if FORBIDDEN[what].search(line):
                found.append(f"{name}:{number}: {line.strip()[:120]}")
    assert not found, f"{what} stands in:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a package registry or index", "pip install --" + "index-url=x"),
        ("a package registry or index", "files.python" + "hosted"),
        ("a path of one machine", "see /wo" + "rk/main"),
        ("a folder outside the checkout", "cd ../" + "shared/data"),
        ("a ticket's number", "comes with iss" + "ue 3"),
        ("a ticket's number", "#3 " + "of 7"),
        ("how work is shared out", "written by another hel" + "per"),
    ],
)
def test_a_planted_line_is_found(what: str, line: str) -> None:
    assert FORBIDDEN[what].search(line)


@pytest.mark.parametrize(
    "line", ["ccxt issue 29514", "network/root/x", "${HOME}/wo" + "rk/x", "an index-url-free lock"]
)
def test_an_innocent_line_is_left_alone(line: str) -> None:
    assert not [what for what, pattern in FORBIDDEN.items() if pattern.search(line)]
