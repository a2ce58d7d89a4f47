"""Secrets are taken out by exact value, however deep they stand and whatever they stand in."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from bot.alerts.redact import Redactor

REDACTOR = Redactor(("sesame", "open sesame now"))


def test_what_stands_deep_in_a_line_is_taken_out_and_numbers_stay_numbers() -> None:
    line = {
        "event": "asked with sesame",
        "headers": {"key-sesame": ["a", "sesame", ("sesame",)]},
        "error": ValueError("no sesame"),
        "path": Path("/keys/sesame"),
        "ms": 12,
        "share": 0.5,
        "ok": True,
        "none": None,
        "money": Decimal("1.10"),
    }
    assert REDACTOR(None, "info", line) == {
        "event": "asked with ********",
        "headers": {"key-********": ["a", "********", ["********"]]},
        "error": "no ********",
        "path": "/keys/********",
        "ms": 12,
        "share": 0.5,
        "ok": True,
        "none": None,
        "money": "1.10",
    }


def test_a_secret_within_a_longer_one_leaves_no_rest_of_it() -> None:
    assert REDACTOR.text("say open sesame now, or sesame") == "say ********, or ********"


def test_without_secrets_nothing_is_taken_out() -> None:
    assert Redactor().text("sesame") == "sesame"
