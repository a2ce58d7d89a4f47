"""A folder of portfolios: each file is one, and each has its own part of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import ConfigError
from bot.settings.folder import Folder

STORE = "postgresql+asyncpg://ballast@db/ballast"
TEXT = """
mode: testnet
venue: {environment: testnet}
targets:
  stables: {weight: 0.10, floor: 0.05}
  sleeves:
    majors: {weight: 0.90, assets: {BTC: 0.5, ETH: 0.5}}
"""


def a_folder(path: Path, *names: str, env: dict[str, str] | None = None, text: str = TEXT) -> Folder:
    for name in names:
        (path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Folder(path, env or {}, STORE)


def test_a_portfolio_has_its_files_name_and_its_own_keys(tmp_path: Path) -> None:
    env = {"BALLAST_OF_DESK_1__VENUE__API_KEY": "k1", "BALLAST_OF_TWO__VENUE__API_KEY": "k2", "BALLAST_CYCLE": "2m"}
    found = a_folder(tmp_path, "desk-1", "two", env=env).read()
    keys = {name: one.settings.venue.api_key for name, one in found.items()}
    assert {name: key and key.get_secret_value() for name, key in keys.items()} == {"desk-1": "k1", "two": "k2"}
    assert {one.settings.portfolio for one in found.values()} == {"desk-1", "two"}
    assert {one.settings.cycle.total_seconds() for one in found.values()} == {120.0}
    assert {one.settings.store.url for one in found.values()} == {STORE}


def test_secret_files_lie_in_a_folder_of_the_portfolios_name(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    (secrets / "one").mkdir(parents=True)
    for place, value in ((secrets, "everybodys"), (secrets / "one", "its own")):
        file = place / "ballast_venue__api_key"
        file.write_text(value)
        file.chmod(0o600)
    portfolios = tmp_path / "portfolios"
    portfolios.mkdir()
    folder = a_folder(portfolios, "one", "two", env={"BALLAST_SECRETS_DIR": str(secrets)})
    found = folder.read()
    key = found["one"].settings.venue.api_key
    assert key is not None
    assert key.get_secret_value() == "its own"
    assert found["two"].settings.venue.api_key is None
    assert folder.secrets() == folder.secrets("one") == ("its own",)
    assert not folder.secrets("two")


def test_a_key_for_everybody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="would be the key of every portfolio; must be BALLAST_OF_NAME__VENUE__SECRE"):
        a_folder(tmp_path, "one", env={"BALLAST_VENUE__SECRET": "s"}).read()


def test_two_names_that_one_variable_would_mean_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a-b.yaml and a_b.yaml have the same variables"):
        a_folder(tmp_path, "a-b", "a_b").read()


def test_a_variable_of_a_portfolio_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, "one", env={"BALLAST_OF_ON__VENUE__SECRET": "s", "BALLAST_OF_ONE__VENUE__SECRET": "t"})
    folder.read()
    assert folder.strangers() == ["BALLAST_OF_ON__VENUE__SECRET"]


def test_only_a_portfolio_that_is_named_may_trade_real_money(tmp_path: Path) -> None:
    found = a_folder(tmp_path, "one", "two", "three", env={"BALLAST_LIVE": "one, three"}).read()
    assert {name: one.env.get("BALLAST_LIVE") for name, one in found.items()} == {
        "one": "one",
        "two": None,
        "three": "three",
    }


def test_a_broken_file_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, "good", "bad", "named")
    (tmp_path / "bad.yaml").write_text("targest: {}\n")
    (tmp_path / "named.yaml").write_text(f"portfolio: other\n{TEXT}")
    assert list(folder.read()) == ["good"]
    assert "targets: is missing" in folder.wrong["bad"][0]
    assert folder.wrong["named"][0].endswith("portfolio: is other, must be named as its file is, or left out")
    (tmp_path / "bad.yaml").write_text(TEXT)
    assert sorted(folder.read()) == ["bad", "good"]
    assert list(folder.wrong) == ["named"]


def test_two_that_would_trade_on_one_key_are_told_and_two_that_only_look_are_not(tmp_path: Path) -> None:
    names = ("one", "two", "three")
    env = {f"BALLAST_OF_{name.upper()}__VENUE__API_KEY": "same" for name in names}
    folder = a_folder(tmp_path, *names, env=env)
    (tmp_path / "three.yaml").write_text(TEXT.replace("mode: testnet", "mode: dry-run"))
    for _ in range(2):
        assert sorted(folder.read()) == ["one", "three"]
        assert folder.wrong["two"][0].endswith(
            "two.yaml: trades on the key of one; each portfolio needs its own account"
        )
    (tmp_path / "one.yaml").unlink()
    assert sorted(folder.read()) == ["three", "two"]
    assert not folder.wrong


def test_only_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, "one", "two")
    first = folder.read()
    (tmp_path / "one.yaml").write_text(TEXT.replace("0.05", "0.06"))
    second = folder.read()
    assert second["two"] is first["two"]
    assert second["one"].hash != first["one"].hash


def test_the_hash_is_over_what_decides_and_holds_no_key(tmp_path: Path) -> None:
    one, other, third = (tmp_path / name for name in ("a", "b", "c"))
    for place in (one, other, third):
        place.mkdir()
    same = {"BALLAST_LOG__LEVEL": "debug", "BALLAST_OF_P__VENUE__SECRET": "x"}
    hashes = [
        a_folder(place, "p", env=env).read()["p"].hash
        for place, env in ((one, {}), (other, same), (third, {"BALLAST_CYCLE": "2m"}))
    ]
    assert hashes[0] != hashes[2]
    keyed = a_folder(other, "p", env={**same, "BALLAST_OF_P__VENUE__SECRET": "y"}).read()["p"].hash
    assert keyed == hashes[1]
