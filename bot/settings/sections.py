"""Owns the keys of the program around the decisions: venue, simulated accounts, store, web, log; opens none of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    StrictBool,
    WithJsonSchema,
    model_validator,
)

from bot.core.policy import Alias, Asset, Section, shown
from bot.core.policy.base import in_order
from bot.core.policy.fields import (
    AtLeastZero,
    Duration,
    DurationOrZero,
    Natural,
    Number,
    Port,
    key,
    lasting,
    wrong,
)

Environment = Literal["local", "production", "testnet", "demo"]
Balances = Annotated[Mapping[Asset, AtLeastZero], AfterValidator(in_order)]
OPENING: Mapping[str, Decimal] = {"BTC": Decimal("0.6"), "USDT": Decimal(40000)}


def _instant(value: object) -> object:
    if value is None or (isinstance(value, datetime) and value.tzinfo):
        return value
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong(
            f"is {shown(value)}, must be a UTC day or instant such as 2021-05-10 or 2021-05-10T12:00Z"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _url(*schemes: str) -> AfterValidator:
    def check(text: str) -> str:
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise wrong(f"must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return text

    return AfterValidator(check)


def _host_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not name or set(name) & set("/:@ *"):
            raise wrong(f"holds {shown(name)}, must hold host names such as ballast.example, without scheme and port")
    return names


def _speed(value: object) -> Decimal | str:
    if isinstance(value, str) and not value[:1].isdigit():
        if value != "step":
            raise wrong(f"is {shown(value)}, must be a number above 0 such as 600, or step")
        return value
    return Decimal(Number("0", "1000000", above=True).validate(value))


Speed = Annotated[
    Decimal | Literal["step"],
    PlainValidator(_speed),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1000000}, {"const": "step"}]}),
]
Instant = Annotated[datetime | None, BeforeValidator(_instant), WithJsonSchema({"type": ["string", "null"]})]
HttpUrl = Annotated[str, _url("http", "https")]


class Venue(Section):
    """The exchange and the account on it."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]{2,30}$")] = key("binance", "The exchange, by its ccxt id.")
    environment: Environment = key("local", "Which of its worlds; local is the built-in exchange.")
    futures: StrictBool = key(True, "Whether perpetuals are traded at all.")  # noqa: FBT003
    margin_mode: Literal["cross", "isolated"] = key("cross", "Margin mode of perpetuals (R-A20).")
    aliases: Annotated[Mapping[str, Alias], AfterValidator(in_order)] = key({}, "Markets of several coins.")
    unchecked_key: StrictBool = key(
        False,  # noqa: FBT003
        "Mode live although the venue cannot say whether the key may withdraw: you looked yourself.",
    )
    push: StrictBool = key(
        False,  # noqa: FBT003
        "Whether the venue's private streams wake the next cycle early; what is true is read all the same.",
    )
    dead_man: DurationOrZero = lasting(
        "0s",
        "Silence of ours after which the venue itself cancels every order that rests there, the account's others too: "
        "for an account of the bot's own; 0s: never.",
    )
    api_key: SecretStr | None = key(None, "The account's key; from the environment or a secret file only.")
    secret: SecretStr | None = key(None, "The key's secret; from the environment or a secret file only.")
    password: SecretStr | None = key(None, "The key's passphrase, where a venue has one; never in the file.")


class Local(Section):
    """The built-in exchange, for `venue.environment: local`."""

    seed: Natural = key(7, "Seed of the generated market: the same seed is the same market.")
    speed: Speed = key(
        Decimal(600), "Exchange seconds per real second while the bot sleeps; step: it stands still during a cycle."
    )
    scenario: Literal["tour", "random"] = key("tour", "The generated market: a walk through every weather, or chance.")
    tape: str | None = key(None, "Folder of recorded candles to play instead of a scenario.")
    start: Instant = key(None, "Where the tape starts, UTC; bars before it are history.")
    url: HttpUrl | None = key(None, "An exchange that runs already; null: the daemon runs one itself.")
    balances: Balances = key(OPENING, "What its account opens with, by coin.")


class Paper(Section):
    """The simulated account of mode paper."""

    balances: Balances = key(OPENING, "What the account opens with, by coin.")
    latency: DurationOrZero = lasting("250ms", "Time an order takes to the simulated venue.")


class Feed(Section):
    """Where an outside reading comes from."""

    kind: Literal["http", "file"] = key(..., "An address that is asked, or a file that is read.")
    url: HttpUrl | None = key(None, "The address, for kind http.")
    path: str | None = key(None, "The file, for kind file.")
    every: Duration = lasting("15m", "Time between two readings.")
    max_age: Duration = lasting("1d", "Age from which the reading is stale and blocks adds (section 3).")

    @model_validator(mode="after")
    def _has_source(self) -> Self:
        wanted, other = ("url", "path") if self.kind == "http" else ("path", "url")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise wrong(f"is of kind {self.kind}, must have {wanted} and no {other}")
        return self


class Feeds(Section):
    """Outside readings (R-S11 to R-S13); null leaves one out."""

    dominance: Feed | None = key(None, "Bitcoin's share of the market (R-S11).")
    sentiment: Feed | None = key(None, "Sentiment, 0 to 100 (R-S12).")
    macro: Feed | None = key(None, "Scheduled events (R-S13).")


class Storage(Section):
    """Where the record is kept."""

    url: Annotated[str, _url("sqlite+aiosqlite", "postgresql+asyncpg")] = key(
        "sqlite+aiosqlite:///data/ballast.db", "Address of the database: SQLite, or PostgreSQL."
    )


class Web(Section):
    """The dashboard."""

    enabled: StrictBool = key(True, "Whether the dashboard is served.")  # noqa: FBT003
    host: str = key("127.0.0.1", "Address it listens on; one that others can reach needs behind_tls.")
    port: Port = key(8787, "Port it listens on; 0 takes any free one.")
    behind_tls: StrictBool = key(
        False,  # noqa: FBT003
        "You say that a proxy with TLS, or a container's own loopback port, stands before it.",
    )
    names: Annotated[tuple[str, ...], AfterValidator(_host_names)] = key(
        (), "Host names under which that proxy is asked for it, without a port."
    )


def _quiet(text: str) -> str:
    try:
        since, until = (time.fromisoformat(part) for part in text.split("-"))
    except ValueError:
        raise wrong(f"is {shown(text)}, must be two times of day in UTC such as 22:00-07:00") from None
    if since == until:
        raise wrong(f"is {shown(text)}, must be two different times of day such as 22:00-07:00")
    return text


def _time_of_day(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise wrong(f"is {shown(text)}, must be a time of day in UTC such as 08:00") from None
    return text


class Alerts(Section):
    """Who is told."""

    urls: tuple[SecretStr, ...] = key((), "Apprise addresses; they hold tokens, so set them in the environment.")
    least: Literal["info", "warning", "critical"] = key("warning", "Least level that people are told of.")
    quiet: Annotated[str, AfterValidator(_quiet)] | None = key(
        None, "Hours, UTC, in which only critical alerts go out, such as 22:00-07:00."
    )
    daily: Annotated[str, AfterValidator(_time_of_day)] | None = key(
        None, "Time of day, UTC, at which a summary of the last 24 hours is told, such as 08:00; null: never."
    )
    digest: DurationOrZero = lasting("0s", "Time over which what is not critical is gathered into one message.")

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """From and to, UTC."""
        if self.quiet is None:
            return None
        since, _, until = self.quiet.partition("-")
        return time.fromisoformat(since), time.fromisoformat(until)


class Log(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = key("info", "Least level that is written.")
    format: Literal["auto", "json", "text"] = key("auto", "JSON lines or text; auto: text on a terminal.")


def kill_level(value: object) -> object:
    """Read true as halt and false as off (R-G1)."""
    return {True: "halt", False: "off"}[value] if isinstance(value, bool) else value
