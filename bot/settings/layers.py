"""Owns the three places a setting can come from, and where each value came from; judges no value."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from bot.settings.errors import ConfigError, did_you_mean
from bot.settings.keys import Place, known_at, place_of
from bot.settings.yaml_text import read_yaml

PREFIX: Final = "BALLAST_"
SECRETS_DIR: Final = "BALLAST_SECRETS_DIR"
CONFIG: Final = "BALLAST_CONFIG"  # which file to read: the command line's
RUN_FOLDER: Final = "BALLAST_RUN_FOLDER"  # where a fleet's workers of one machine meet: the command line's too
LIVE: Final = "BALLAST_LIVE"  # the portfolio that may trade real money, said beside its file
LARGEST: Final = 256 * 1024  # bytes of a file that a person wrote
KEYS: Final = ("api_key", "secret", "password")  # of the venue; they never stand in the file


@dataclass(slots=True)
class Layer:
    """Values from one place, nested, with the place's name for each path that was written there."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def put(self, path: Sequence[str], value: Any, origin: str) -> None:
        """Write a value at a path."""
        here = self.values
        for name in path[:-1]:
            if not isinstance(here.get(name), dict):
                here[name] = {}
            here = here[name]
        here[path[-1]] = value
        self.origins[".".join(path)] = origin

    def origin_of(self, path: Sequence[str]) -> str | None:
        """Where the value at a path was written, itself or within a larger one; None where it was not."""
        here: Any = self.values
        for name in path:
            if not isinstance(here, dict):
                break
            if name not in here:
                return None
            here = here[name]
        written = (self.origins.get(".".join(path[:count])) for count in range(len(path), -1, -1))
        return next((origin for origin in written if origin), None)


@dataclass(frozen=True, slots=True)
class Layers:
    """What was written, in rising order: the file, the environment, the secret files."""

    file: Layer
    environment: Layer
    secrets: Layer

    def origin_of(self, path: Sequence[str]) -> str:
        """Where the value in force at a path comes from."""
        for layer in (self.secrets, self.environment, self.file):
            origin = layer.origin_of(path)
            if origin:
                return origin
        return "default"


def read_text(path: Path) -> str:
    """The text of a configuration file; raises ConfigError."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(raw) > LARGEST:
        raise ConfigError([f"{path}: is {len(raw)} bytes long, must be at most {LARGEST}"])
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: byte {error.start} is no UTF-8 text"]) from None


def from_file(text: str, name: str) -> Layer:
    """What a YAML text says; raises ConfigError."""
    try:
        values = read_yaml(text)
    except ValueError as error:
        raise ConfigError([f"{name}: {error}"]) from None
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise ConfigError([f"{name}: must be a map of keys, as in targets: …"])
    venue = values.get("venue")
    written = [key for key in KEYS if isinstance(venue, dict) and key in venue]
    if written:
        raise ConfigError(
            f"{name}: venue.{key}: must not stand in the file; set {PREFIX}VENUE__{key.upper()} "
            f"or a secret file {PREFIX.lower()}venue__{key}"
            for key in written
        )
    return Layer(values, {"": "file"})


def from_environment(env: Mapping[str, str], model: type[BaseModel], file: Layer) -> Layer:
    """What BALLAST_ variables say; raises ConfigError with a line for each that names nothing."""
    other = (SECRETS_DIR, CONFIG, LIVE, RUN_FOLDER)
    found = {name: value for name, value in env.items() if name.startswith(PREFIX) and name not in other}
    return _named(found, "environment ", model, file)


def from_secret_files(folder: Path | None, model: type[BaseModel], file: Layer) -> Layer:
    """What files such as ballast_venue__api_key hold; raises ConfigError. Files of other programs are left alone."""
    if folder is None:
        return Layer()
    try:
        paths = [path for path in folder.iterdir() if path.name.upper().startswith(PREFIX) and path.is_file()]
    except OSError as error:
        raise ConfigError([f"secret files {folder}: cannot be read: {error.strerror}"]) from None
    _must_be_private(paths)
    return _named({path.name: read_text(path).rstrip("\r\n") for path in paths}, "secret file ", model, file)


def _must_be_private(paths: Sequence[Path]) -> None:
    """A secret that others on the machine may read is none; a file system without modes shows no others."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    open_to_others = {path: mode for path, mode in modes.items() if mode & 0o077}
    if open_to_others:
        raise ConfigError(
            f"secret file {path}: others may open it (mode {mode:04o}), must be 0600: chmod 600 {path}"
            for path, mode in sorted(open_to_others.items())
        )


def _named(found: Mapping[str, str], kind: str, model: type[BaseModel], file: Layer) -> Layer:
    layer, wrong = Layer(), []
    # Shorter names first: BALLAST_TARGETS is laid down before BALLAST_TARGETS__MODEL changes a part of it.
    for name in sorted(found):
        try:
            path, place = _path(name, model, file)
            layer.put(path, _value(found[name], place), f"{kind}{name}")
        except ValueError as error:
            wrong.append(f"{kind}{name}: {error}")
    if wrong:
        raise ConfigError(wrong)
    return layer


def _path(name: str, model: type[BaseModel], file: Layer) -> tuple[list[str], Place]:
    path: list[str] = []
    here: Any = file.values
    for part in name[len(PREFIX) :].split("__"):
        place = place_of(model, path)
        written = {str(key).lower(): str(key) for key in here} if isinstance(here, dict) else {}
        if place is not None and place.open_map:
            step = written.get(part.lower(), part.lower() if place.lower else part)
        else:
            step = part.lower()
        if place_of(model, [*path, step]) is None:
            known = known_at(model, path)
            raise ValueError(f"{'.'.join([*path, step])} is no known key; {did_you_mean(step, known)}")
        path.append(step)
        here = here.get(step) if isinstance(here, dict) else None
    place = place_of(model, path)
    if place is None:  # pragma: no cover - each step was looked up above
        raise ValueError("is no known key")
    return path, place


def _value(text: str, place: Place) -> Any:
    if place.text:
        return None if place.nullable and text in {"", "null"} else text
    return read_yaml(text)
