"""`ballast web` where it cannot serve: one line each, and no dashboard."""

from __future__ import annotations

import os
import socket

from tests.unit.cli.ran import Ballast
from tests.unit.cli.snapshots import CONFIG


def test_an_address_that_others_can_reach_is_refused_without_the_operators_word(ballast: Ballast) -> None:
    file = ballast.folder / "c.yaml"
    file.write_text(f"{CONFIG}web: {{host: 0.0.0.0}}\n", encoding="utf-8")
    ran = ballast("web", "--config", file)
    assert ran.code == 1
    assert ran.err.startswith("web.host: is 0.0.0.0, which others can reach; must be 127.0.0.1, or web.behind_tls")
    assert ran.err.count("\n") == 1


def test_a_port_that_is_taken_is_one_line_and_the_keys_are_forgotten_before(ballast: Ballast) -> None:
    file = ballast.folder / "c.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    ballast.environment.setenv("BALLAST_VENUE__API_KEY", "canary")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = ballast("web", "--config", file, "--port", str(port))
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith(f"the dashboard cannot listen on 127.0.0.1:{port}")
    assert "BALLAST_VENUE__API_KEY" not in os.environ


def test_a_dashboard_that_is_switched_off_is_not_served(ballast: Ballast) -> None:
    file = ballast.folder / "c.yaml"
    file.write_text(f"{CONFIG}web: {{enabled: false}}\n", encoding="utf-8")
    assert "web.enabled: is false, must be true" in ballast("web", "--config", file).err
    assert "cannot be read" in ballast("web", "--config", ballast.folder / "none.yaml").err
