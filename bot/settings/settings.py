"""Owns the settings: the operator's file, environment and secret files as one checked, frozen value; starts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.core.policy import Policy, RuleKeys, Section, plain
from bot.core.policy.fields import key, part, wrong
from bot.settings.layers import KEYS, Layers
from bot.settings.sections import Alerts, Environment, Feeds, Local, Log, Paper, Storage, Venue, Web, kill_level

Mode = Literal["paper", "dry-run", "testnet", "live"]
KillLevel = Literal["off", "freeze", "halt", "flatten"]

ENVIRONMENTS: Final[Mapping[Mode, tuple[Environment, ...]]] = {
    "paper": ("local", "production"),
    "dry-run": ("local", "production", "testnet", "demo"),
    "testnet": ("local", "demo", "testnet"),
    "live": ("production",),
}
LOCAL_VENUES: Final = ("binance", "bybit")  # whose wire the built-in exchange speaks
UNTIL_RESTART: Final = ("portfolio", "mode", "venue", "local", "paper", "store")
HIDDEN: Final = "********"


class Row(NamedTuple):
    """One setting in force: dotted key, value as a file would have it (secrets hidden), and where it came from."""

    key: str
    value: object
    origin: str


class Settings(RuleKeys, BaseSettings):
    """Everything an operator can set. `load` and `load_text` make one; `Settings(targets=…)` reads no environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", defer_build=True, validate_default=False)

    portfolio: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")] = key(
        "main", "Name of the portfolio: one account or sub-account."
    )
    mode: Mode = key("paper", "Where orders go: a simulated account, nowhere, a test venue, the venue.")
    kill_switch: Annotated[KillLevel, BeforeValidator(kill_level, json_schema_input_type=KillLevel | bool)] = key(
        "off", "Stops trading: freeze, halt (true) or flatten; read live (R-G1)."
    )
    venue: Venue = part(Venue, "The exchange and the account on it.")
    local: Local = part(Local, "The built-in exchange, for venue.environment local.")
    paper: Paper = part(Paper, "The simulated account of mode paper.")
    feeds: Feeds = part(Feeds, "Outside readings (R-S11 to R-S13).")
    store: Storage = part(Storage, "Where the record is kept.")
    web: Web = part(Web, "The dashboard.")
    alerts: Alerts = part(Alerts, "Who is told.")
    log: Log = part(Log, "What is logged.")

    _origins: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the layers that `load` read, the strongest first; the process's own environment is never looked at."""
        del env_settings, dotenv_settings, file_secret_settings
        given = init_settings()
        layers = given.get("layers")
        if not isinstance(layers, Layers):
            return (init_settings,)
        rising = (layers.file, layers.environment, layers.secrets)
        return tuple(InitSettingsSource(settings_cls, init_kwargs=layer.values) for layer in reversed(rising))

    @model_validator(mode="after")
    def _allowed(self) -> Self:
        found = [*self._places()]
        try:
            _ = self._policy
        except ValidationError as error:
            found += [each["msg"] for each in error.errors()]
        if found:
            raise wrong("\n".join(found))
        return self

    def policy(self) -> Policy:
        """What decisions depend on."""
        return self._policy

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each setting in force came from: default, file, environment BALLAST_X, or secret file x."""
        return self._origins

    def remember(self, layers: Layers) -> Self:
        """Keep where each value came from."""
        self._origins = {name: layers.origin_of(name.split(".")) for name, _ in _leaves("", self)}
        return self

    def rows(self) -> list[Row]:
        """Every setting in force, in order of key, with secrets hidden."""
        found = [
            Row(name, _hidden(name, value), self._origins.get(name, "default")) for name, value in _leaves("", self)
        ]
        return sorted(found)

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for those who must never write one."""
        values = (self.venue.api_key, self.venue.secret, self.venue.password, *self.alerts.urls)
        return tuple(value.get_secret_value() for value in values if value)

    def keys_in_environment(self) -> list[str]:
        """The venue's keys that environment variables hold: whoever may look at the process reads them there."""
        names = [f"venue.{name}" for name in KEYS]
        return [name for name in names if self._origins.get(name, "").startswith("environment")]

    def fixed_until_restart(self, other: Settings) -> list[str]:
        """The keys that differ between two settings and that a running bot cannot take over."""
        mine, theirs = (dict(_leaves("", each)) for each in (self, other))
        differing = {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
        return sorted(name for name in differing if name.partition(".")[0] in UNTIL_RESTART)

    @cached_property
    def _policy(self) -> Policy:
        shared = {name: getattr(self, name) for name in RuleKeys.model_fields}
        venue = {name: getattr(self.venue, name) for name in ("futures", "margin_mode", "aliases")}
        return Policy.model_validate(shared | venue)

    def _places(self) -> Iterator[str]:
        """What the table of modes and environments refuses."""
        environment = self.venue.environment
        if environment not in ENVIRONMENTS[self.mode]:
            right = " or ".join(ENVIRONMENTS[self.mode])
            others = " or ".join(mode for mode, known in ENVIRONMENTS.items() if environment in known)
            yield (
                f"venue.environment: is {environment}, must be {right} under mode {self.mode} "
                f"(for {environment}, mode must be {others})"
            )
        elif environment == "local" and self.venue.id not in LOCAL_VENUES:
            right = " or ".join(LOCAL_VENUES)
            yield f"venue.id: is {self.venue.id}, must be {right} with venue.environment local"


def _leaves(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    """Every single value under its dotted key; an empty map is a value too."""
    inner: Mapping[str, object] | None = None
    if isinstance(value, Section | BaseSettings):
        inner = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, Mapping) and value:
        inner = value
    if inner is None:
        yield prefix, value
        return
    for name, below in inner.items():
        yield from _leaves(f"{prefix}.{name}" if prefix else name, below)


def _hidden(name: str, value: object) -> object:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, tuple) and any(isinstance(each, SecretStr) for each in value):
        return [HIDDEN for _ in value]
    if name == "store.url" and isinstance(value, str) and "@" in value:
        # Whoever is before the @ of an address may be there with a password.
        scheme, _, rest = value.partition("://")
        return f"{scheme}://{HIDDEN}@{rest.rpartition('@')[2]}"
    return value.isoformat() if isinstance(value, datetime) else plain(value)
