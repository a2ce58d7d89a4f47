"""Owns the JSON schema of the configuration, for editors; it validates nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from bot.core.policy import format_duration
from bot.settings.layers import KEYS
from bot.settings.settings import Settings


class _AsWritten(GenerateJsonSchema):
    """Shows defaults as a file would hold them."""

    def encode_default(self, dft: Any) -> Any:
        """Write numbers as numbers and durations as `15m`."""
        return _written(dft)


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple | list):
        return [_written(each) for each in value]
    if isinstance(value, dict):
        return {name: _written(each) for name, each in value.items()}
    return value


def config_schema() -> dict[str, Any]:
    """The schema that `config/schema.json` holds. Keys of an account are not in it: they never stand in a file."""
    schema = Settings.model_json_schema(schema_generator=_AsWritten)
    for key in KEYS:
        del schema["$defs"]["Venue"]["properties"][key]
    schema["title"] = "Ballast: the configuration of one portfolio"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
