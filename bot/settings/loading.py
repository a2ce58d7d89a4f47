"""Owns the way from a file's text to settings or to one clear line for each thing wrong; keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, get_args

from pydantic import ValidationError

from bot.core.policy import shown
from bot.settings.errors import ConfigError, problems
from bot.settings.layers import SECRETS_DIR, Layers, from_environment, from_file, from_secret_files, read_text
from bot.settings.sections import kill_level
from bot.settings.settings import KillLevel, Settings
from bot.settings.yaml_text import scalars_at_top

KILL_SWITCH: Final = "kill_switch"


def load(path: Path, env: Mapping[str, str], secrets_dir: Path | None = None) -> Settings:
    """Read a file under an environment and secret files (else from BALLAST_SECRETS_DIR); raises ConfigError."""
    return load_text(read_text(path), env, secrets_dir, name=str(path))


def load_text(
    text: str, env: Mapping[str, str], secrets_dir: Path | None = None, *, name: str = "configuration"
) -> Settings:
    """Read a text as `load` reads a file; `name` stands in front of every line of a ConfigError."""
    folder = secrets_dir or (Path(env[SECRETS_DIR]) if env.get(SECRETS_DIR) else None)
    file = from_file(text, name)
    layers = Layers(file, from_environment(env, Settings, file), from_secret_files(folder, Settings, file))
    try:
        settings = Settings.model_validate({"layers": layers})
    except ValidationError as error:
        raise ConfigError(_lines(error, layers, name)) from None
    return settings.remember(layers)


def kill_switch_of(text: str) -> KillLevel:
    """The level that the top of a YAML text asks for, without reading the rest as settings; raises ConfigError."""
    try:
        written = scalars_at_top(text, KILL_SWITCH)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    if len(written) > 1:
        raise ConfigError([f"key {KILL_SWITCH} stands twice"])
    if not written:
        return "off"
    level = kill_level({"true": True, "false": False}.get(written[0], written[0]))
    levels: tuple[KillLevel, ...] = get_args(KillLevel)
    for known in levels:
        if level == known:
            return known
    raise ConfigError([f"{KILL_SWITCH}: is {shown(written[0])}, must be off, freeze, halt or flatten"])


def _lines(error: ValidationError, layers: Layers, name: str) -> list[str]:
    lines: list[str] = []
    for where, what in problems(error, Settings):
        origin = layers.origin_of(where.split("."))
        place = name if origin in {"file", "default"} else origin
        lines.append(f"{place}: {where}: {what}")
    return lines
