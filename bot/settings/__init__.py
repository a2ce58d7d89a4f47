"""Owns the reading of the configuration: file, environment and secret files, into one checked value."""

from bot.settings.errors import ConfigError
from bot.settings.layers import LIVE, PREFIX, SECRETS_DIR
from bot.settings.loading import kill_switch_of, load, load_text
from bot.settings.schema import config_schema
from bot.settings.sections import Alerts, Environment, Feed, Feeds, Local, Log, Paper, Storage, Venue, Web
from bot.settings.settings import ENVIRONMENTS, KillLevel, Mode, Row, Settings

__all__ = [
    "ENVIRONMENTS",
    "LIVE",
    "PREFIX",
    "SECRETS_DIR",
    "Alerts",
    "ConfigError",
    "Environment",
    "Feed",
    "Feeds",
    "KillLevel",
    "Local",
    "Log",
    "Mode",
    "Paper",
    "Row",
    "Settings",
    "Storage",
    "Venue",
    "Web",
    "config_schema",
    "kill_switch_of",
    "load",
    "load_text",
]
