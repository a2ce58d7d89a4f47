"""Ballast's package: its version and where its data folders are; nothing else lives here, and it imports no part."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__version__ = "0.1.0"


def folder(name: Literal["migrations", "config"]) -> Path:
    """Where a data folder is: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / f"_{name}"
    return installed if installed.is_dir() else package.parent / name
