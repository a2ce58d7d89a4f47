"""Owns the Parquet files that a record is written out to: exact numbers as text, instants in UTC; knows no database.

Exact numbers are text because no column type that readers share holds all of their digits; readers cast them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.ports.errors import StoreError

if TYPE_CHECKING:
    import pyarrow as pa

#: What a column can hold: the word used by whoever names the columns -> how Arrow calls it.
KINDS: Final = ("text", "exact", "at", "whole", "float", "flag")


def schema_of(columns: Mapping[str, str]) -> pa.Schema:
    """The Arrow schema of columns by name -> kind (one of `KINDS`), all of which may be empty."""
    import pyarrow as pa

    types = {
        "text": pa.string(), "exact": pa.string(), "at": pa.timestamp("us", tz="UTC"), "whole": pa.int64(),
        "float": pa.float64(), "flag": pa.bool_(),
    }  # fmt: skip
    made: pa.Schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    return made


class Writer:
    """Takes rows, as sequences in the columns' order, a group at a time."""

    def __init__(self, columns: Mapping[str, str], file: pa.parquet.ParquetWriter) -> None:
        self._names = tuple(columns)
        self._exact = {place for place, kind in enumerate(columns.values()) if kind == "exact"}
        self._file = file
        self.rows = 0

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Append these rows."""
        import pyarrow as pa

        if not rows:
            return
        turned = [
            [None if each is None else f"{each:f}" for each in column] if place in self._exact else list(column)
            for place, column in enumerate(zip(*rows, strict=True))
        ]
        made = [pa.array(column, type=field.type) for column, field in zip(turned, self._file.schema, strict=True)]
        self._file.write_table(pa.table(dict(zip(self._names, made, strict=True)), schema=self._file.schema))
        self.rows += len(rows)


@contextmanager
def writing(path: Path, columns: Mapping[str, str]) -> Iterator[Writer]:
    """Write a new file: it stands under its name only when all of it is on disk. Raises StoreError.

    A file that is there already is not touched.
    """
    import pyarrow as pa
    import pyarrow.parquet as pa_parquet

    if path.exists():
        raise StoreError(f"{path} is there already; name a folder without it")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as out:
            with pa_parquet.ParquetWriter(out, schema_of(columns), compression="zstd") as file:
                yield Writer(columns, file)
            out.flush()
            os.fsync(out.fileno())
        part.rename(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def column(path: Path, name: str) -> list[Any]:
    """One column of a file, read back; raises StoreError."""
    import pyarrow as pa
    import pyarrow.parquet as pa_parquet

    try:
        found: list[Any] = pa_parquet.read_table(path, columns=[name]).column(name).to_pylist()
    except (OSError, KeyError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read back: {error}") from error
    return found
