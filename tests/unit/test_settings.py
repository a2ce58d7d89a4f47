from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.settings import ConfigError, config_schema, kill_switch_of, load, load_text
from bot.settings.yaml_text import read_yaml

CONFIG = Path(__file__).parents[2] / "config"
PRESETS = sorted(CONFIG.glob("*.yaml"))
TARGETS = "targets: {sleeves: {majors: {weight: 0.9, assets: [BTC, ETH]}}}\n"


def the_refusal(text: str, env: dict[str, str] | None = None, secrets: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, env or {}, secrets, name="config/x.yaml")
    return str(caught.value)


# ---- presets and schema -------------------------------------------------------------------------


def test_every_preset_of_the_contract_is_there() -> None:
    wanted = (
        "binance-demo binance-paper bingx-paper bybit-paper bybit-testnet core-satellite dynamic live.example "
        "mexc-paper momentum paper risk-parity tactical tour weex-paper"
    )
    assert [path.stem for path in PRESETS] == wanted.split()


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.name)
def test_a_preset_loads_and_names_its_schema(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=schema.json"
    assert lines[1].startswith("# ")
    assert load(path, {}).policy().assets


def test_the_default_preset_runs_a_cycle_a_second_on_the_built_in_exchange() -> None:
    settings = load(CONFIG / "paper.yaml", {})
    assert (settings.mode, settings.venue.environment, settings.local.scenario) == ("paper", "local", "tour")
    assert isinstance(settings.local.speed, Decimal)
    assert settings.cycle.total_seconds() / float(settings.local.speed) == 1


def test_the_schema_in_the_folder_is_the_programs() -> None:
    assert json.loads((CONFIG / "schema.json").read_text()) == config_schema()


def test_the_schema_knows_no_key_of_an_account_and_asks_for_targets_only() -> None:
    schema = config_schema()
    assert schema["required"] == ["targets"]
    assert not {"api_key", "secret", "password"} & set(schema["$defs"]["Venue"]["properties"])
    assert schema["$defs"]["Trim"]["properties"]["increment"]["default"] == 0.05


def a_secret(folder: Path, name: str, value: str, mode: int = 0o600) -> Path:
    path = folder / f"ballast_venue__{name}"
    path.write_text(value)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_secret_file_that_others_may_open_is_refused_without_its_content(tmp_path: Path, mode: int) -> None:
    path = a_secret(tmp_path, "secret", "hidden-value", mode)
    said = the_refusal(TARGETS, secrets=tmp_path)
    assert said == f"secret file {path}: others may open it (mode {mode:04o}), must be 0600: chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_file_of_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    a_secret(tmp_path, "secret", "hidden-value", mode)
    assert load_text(TARGETS, {}, tmp_path).secrets() == ("hidden-value",)


def test_keys_in_the_environment_are_named_and_those_in_files_are_not(tmp_path: Path) -> None:
    a_secret(tmp_path, "secret", "1")
    settings = load_text(TARGETS, {"BALLAST_VENUE__API_KEY": "2", "BALLAST_LIVE": "main"}, tmp_path)
    assert settings.keys_in_environment() == ["venue.api_key"]


# ---- layers -------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file_and_secret_files_fill_the_keys(tmp_path: Path) -> None:
    a_secret(tmp_path, "api_key", "0123\n")
    (tmp_path / "somebody_elses").write_text("x")
    settings = load_text(
        TARGETS + "mode: paper\ncycle: 5m\n",
        {"BALLAST_MODE": "dry-run", "BALLAST_LOCAL__SPEED": "step", "BALLAST_VENUE__SECRET": "1e5", "PATH": "/bin"},
        tmp_path,
    )
    assert (settings.mode, settings.local.speed, settings.cycle) == ("dry-run", "step", timedelta(minutes=5))
    assert settings.secrets() == ("0123", "1e5")
    assert settings.origins["mode"] == "environment BALLAST_MODE"
    assert settings.origins["cycle"] == "file"
    assert settings.origins["venue.api_key"] == "secret file ballast_venue__api_key"
    assert settings.origins["trim.increment"] == "default"
    assert settings.origins["targets.sleeves.majors.weight"] == "file"


def test_the_folder_of_secret_files_may_come_from_the_environment(tmp_path: Path) -> None:
    a_secret(tmp_path, "password", "p")
    settings = load_text(TARGETS, {"BALLAST_SECRETS_DIR": str(tmp_path)})
    assert settings.secrets() == ("p",)


def test_names_in_the_environment_reach_into_open_maps() -> None:
    settings = load_text(
        TARGETS.replace("0.9", "0.5"),
        {
            "BALLAST_TARGETS__SLEEVES__MAJORS__WEIGHT": "0.9",
            "BALLAST_PAPER__BALANCES__ETH": "3",
            "BALLAST_PAPER__BALANCES": "{USDT: 7}",
            "BALLAST_LOCAL__START": "2021-05-10",
            "BALLAST_TARGETS__SLEEVES__MAJORS__TRIM__SPEED__STRONG_UP": "0.1",
        },
    )
    assert settings.targets.sleeves["majors"].weight == Decimal("0.9")
    assert settings.paper.balances == {"ETH": Decimal(3), "USDT": Decimal(7)}
    assert settings.local.start == datetime(2021, 5, 10, tzinfo=UTC)
    assert settings.policy().trim_for("BTC").speed.strong_up == Decimal("0.1")


def test_rows_show_every_key_with_its_origin_and_hide_secrets() -> None:
    settings = load_text(
        TARGETS,
        {
            "BALLAST_VENUE__API_KEY": "hush-1",
            "BALLAST_ALERTS__URLS": "['tgram://hush-2']",
            "BALLAST_STORE__URL": "postgresql+asyncpg://me:hush-3@db/ballast",
        },
    )
    rows = {row.key: row for row in settings.rows()}
    assert "hush" not in str(settings.rows())
    assert "hush-1" not in repr(settings)
    assert rows["venue.api_key"].origin == "environment BALLAST_VENUE__API_KEY"
    assert rows["cycle"] == ("cycle", "1m", "default")
    assert str(rows["store.url"].value).endswith("@db/ballast")


def test_what_needs_a_restart_is_named_and_the_rest_is_not() -> None:
    before = load_text(TARGETS, {})
    after = load_text(TARGETS + "mode: dry-run\nvenue: {margin_mode: isolated}\ntrim: {increment: 0.02}\n", {})
    assert before.fixed_until_restart(after) == ["mode", "venue.margin_mode"]
    assert before.fixed_until_restart(load_text(TARGETS + "trim: {increment: 0.02}", {})) == []


def test_the_policy_takes_the_venues_part_over() -> None:
    policy = load_text(
        TARGETS + "venue: {futures: false, aliases: {1000PEPE: {asset: PEPE, multiplier: 1000}}}", {}
    ).policy()
    assert not policy.futures
    assert policy.aliases["1000PEPE"].multiplier == 1000


def test_settings_made_in_code_read_no_environment() -> None:
    code = (
        "from bot.settings import Settings; import json, sys;"
        "print(Settings.model_validate(json.loads(sys.argv[1])).mode)"
    )
    given = json.dumps({"targets": {"sleeves": {"all": {"weight": "0.9", "assets": ["BTC"]}}}})
    env = {**os.environ, "BALLAST_MODE": "live", "MODE": "live"}
    run = subprocess.run(
        [sys.executable, "-c", code, given], capture_output=True, text=True, check=True, timeout=60, env=env
    )
    assert run.stdout.strip() == "paper"


# ---- modes and environments ---------------------------------------------------------------------

ALLOWED = {
    "paper": {"local", "production"},
    "dry-run": {"local", "production", "testnet", "demo"},
    "testnet": {"local", "demo", "testnet"},
    "live": {"production"},
}


@pytest.mark.parametrize("mode", ALLOWED)
@pytest.mark.parametrize("environment", ["local", "production", "testnet", "demo"])
def test_a_mode_goes_with_its_environments_and_no_other(mode: str, environment: str) -> None:
    text = TARGETS + f"mode: {mode}\nvenue: {{environment: {environment}}}\n"
    if environment in ALLOWED[mode]:
        assert load_text(text, {}).venue.environment == environment
    else:
        said = the_refusal(text)
        assert said.startswith(f"config/x.yaml: venue.environment: is {environment}, must be ")
        assert f"under mode {mode}" in said
        assert "\n" not in said


# ---- YAML ---------------------------------------------------------------------------------------


def test_only_true_and_false_are_booleans_and_dates_stay_text() -> None:
    read = read_yaml("{a: off, b: ON, c: No, d: true, e: 2021-05-10, f: 1:30, g: 0.40, h: null, i: , 1: 010, y: 5}")
    assert read == {
        "a": "off",
        "b": "ON",
        "c": "No",
        "d": True,
        "e": "2021-05-10",
        "f": "1:30",
        "g": Decimal("0.40"),
        "h": None,
        "i": None,
        "1": 10,
        "y": 5,
    }


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=12))
def test_numbers_in_a_file_are_exact(number: Decimal) -> None:
    assert read_yaml(f"a: {number:f}") == {"a": number}


@given(st.text(max_size=60))
@example("\x1f")
@example("{" * 5000)
@example('"a\\nb": 1')
@example('"\\ud800": 1')
def test_any_text_is_refused_in_printable_lines(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, {}, name="x")
    assert str(caught.value).split("\n") == list(caught.value.lines)
    assert all(line.startswith("x: ") and line.isprintable() for line in caught.value.lines)


# ---- bad input: one line with key, value and cure ------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "targets: is missing; the smallest useful file is targets: {sleeves:"),
        ("- 1", "must be a map of keys"),
        ("a: [1", "line 1: "),
        ("a: &x 1\nb: *x", "line 2: an alias (*name) stands for another value: write it out"),
        ("a: !!python/name:os.system x", "line 1: could not determine a constructor"),
        (TARGETS + "mod: paper", "mod: is no known key; did you mean mode?"),
        (TARGETS + "trim: {incremnt: 0.1}", "trim.incremnt: is no known key; did you mean increment?"),
        (TARGETS + "zzz: 1", "zzz: is no known key; known here: "),
        (TARGETS + "trim: {increment: 0.1, increment: 0.2}", "line 2: key increment stands twice"),
        (TARGETS + "mode: papper", "mode: is 'papper', must be paper, dry-run, testnet or live"),
        (TARGETS + "trim: {increment: 5}", "trim.increment: is 5, must be a number above 0 and up to 1 (5 % is 0.05)"),
        (TARGETS + "trim: {increment: .nan}", "line 2: .nan is no finite number"),
        (TARGETS + "limits: {gross: nan}", "limits.gross: is 'nan', must be a number above 0"),
        (TARGETS + "limits: {gross: 1e99}", "limits.gross: is 1E+99, must be a number above 0, and at most 1000000000"),
        (TARGETS + "cycle: 10", "cycle: is 10, must be a duration above 0 such as"),
        (TARGETS + "signals: {enabled: yes}", "signals.enabled: is 'yes', must be true or false"),
        (TARGETS + "signals: {rsi: {period: 1.5}}", "signals.rsi.period: is 1.5, must be a whole number"),
        (TARGETS + "signals: {timeframe: 5h}", "signals.timeframe: is '5h', must be 1m, 3m"),
        (TARGETS + "kill_switch: ON", "kill_switch: is 'ON', must be off, freeze, halt or flatten"),
        (TARGETS + "portfolio: 7", "portfolio: is 7, must be text"),
        (TARGETS + "trim: 5", "trim: is 5, must be a map of keys"),
        (TARGETS + "local: {speed: fast}", "local.speed: is 'fast', must be a number above 0 such as 600, or step"),
        (TARGETS + "local: {start: soon}", "local.start: is 'soon', must be a UTC day or instant"),
        (TARGETS + "local: {url: ftp://x}", "local.url: must start with http:// or https://"),
        (TARGETS + "web: {port: 70000}", "web.port: is 70000, must be a whole number from 0 to 65535"),
        (TARGETS + "store: {url: mysql://x}", "store.url: must start with sqlite+aiosqlite://"),
        (TARGETS + "windows: {schedule: [Mon 25:00-26:00]}", "windows.schedule: is 'Mon 25:00-26:00', must be days"),
        (TARGETS + "windows: {schedule: Mon}", "windows.schedule: is 'Mon', must be always or a list"),
        (TARGETS + "feeds: {macro: {kind: http}}", "feeds.macro: is of kind http, must have url and no path"),
        (TARGETS + "venue: {id: mexc}", "venue.id: is mexc, must be binance or bybit with venue.environment local"),
        (TARGETS + "venue: {api_key: hush}", "venue.api_key: must not stand in the file; set BALLAST_VENUE__API_KEY"),
        (
            TARGETS.replace("0.9", "0.95"),
            "targets.sleeves: targets.sleeves + targets.stables sum to 1.05 (majors",
        ),
        (TARGETS.replace("majors", "Majors"), "targets.sleeves.Majors: is 'Majors', must be lower-case letters"),
        (TARGETS.replace("[BTC, ETH]", "BTC"), "targets.sleeves.majors.assets: is 'BTC', must be a list"),
        (TARGETS.replace("ETH", "eth"), "targets.sleeves.majors.assets.1: is 'eth', must be a coin's code: write ETH"),
        (TARGETS.replace("ETH", "BTC"), "targets.sleeves.majors.assets: names BTC twice"),
        (TARGETS[:-2] + ", regimes: {beer: {}}}", "targets.regimes.beer: is 'beer', must be bull, neutral or bear"),
    ],
)
def test_a_bad_file_gives_one_line_with_key_value_and_cure(text: str, line: str) -> None:
    said = the_refusal(text)
    assert said.startswith(f"config/x.yaml: {line}")
    assert "\n" not in said
    assert "hush" not in said


def test_several_things_wrong_give_a_line_each() -> None:
    said = the_refusal(TARGETS + "mode: x\ncycle: y\nzzz: 1\n")
    assert [line.split(": ")[1] for line in said.split("\n")] == ["cycle", "mode", "zzz"]


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"BALLAST_MOOD": "x"}, "environment BALLAST_MOOD: mood is no known key; did you mean mode?"),
        ({"BALLAST_MODE__X": "1"}, "environment BALLAST_MODE__X: mode.x is no known key; nothing may stand here"),
        ({"BALLAST_TRIM__INCREMENT": "7"}, "environment BALLAST_TRIM__INCREMENT: trim.increment: is 7, must be"),
        ({"BALLAST_CYCLE": "[1"}, "environment BALLAST_CYCLE: line 1: "),
        ({"BALLAST_SECRETS_DIR": "/nowhere"}, "secret files /nowhere: cannot be read: No such file or directory"),
    ],
)
def test_a_bad_environment_gives_one_line_naming_the_variable(env: dict[str, str], line: str) -> None:
    said = the_refusal(TARGETS, env)
    assert said.startswith(line)
    assert "\n" not in said


def test_a_secret_file_for_no_key_is_named_without_its_content(tmp_path: Path) -> None:
    a_secret(tmp_path, "apikey", "hush")
    said = the_refusal(TARGETS, secrets=tmp_path)
    assert said == "secret file ballast_venue__apikey: venue.apikey is no known key; did you mean api_key?"


def test_a_file_that_is_missing_or_no_text_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml: cannot be read: No such file or directory$"):
        load(tmp_path / "x.yaml", {})
    (tmp_path / "y.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match=r"y\.yaml: byte 3 is no UTF-8 text$"):
        load(tmp_path / "y.yaml", {})


# ---- the kill switch ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", "off"),
        ("mode: paper", "off"),
        ("kill_switch: off", "off"),
        ("kill_switch: false", "off"),
        ("kill_switch: true", "halt"),
        ("mode: nonsense\nkill_switch: 'freeze'", "freeze"),
        ("kill_switch: flatten\nvenue: {kill_switch: off}", "flatten"),
    ],
)
def test_the_kill_switch_is_read_without_the_rest(text: str, level: str) -> None:
    assert kill_switch_of(text) == level


@pytest.mark.parametrize(
    "text", ["kill_switch: ON", "kill_switch:", "kill_switch: [halt]", "kill_switch: off\nkill_switch: halt", "a: [1"]
)
def test_a_kill_switch_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError):
        kill_switch_of(text)


def test_the_kill_switch_in_settings_takes_booleans() -> None:
    assert load_text(TARGETS + "kill_switch: true", {}).kill_switch == "halt"
    assert load_text(TARGETS, {"BALLAST_KILL_SWITCH": "freeze"}).kill_switch == "freeze"


def test_settings_are_imported_without_the_heavy_libraries() -> None:
    code = "import bot.settings, sys; print({'ccxt', 'numpy', 'sqlalchemy', 'talib', 'aiohttp'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "set()"
