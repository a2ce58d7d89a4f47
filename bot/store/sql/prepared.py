"""Owns statements that are run often: made into the driver's own text once, where the record is a file; no table.

A statement is written in SQLAlchemy's words and runs through it on a server. On a file the way through it costs some
ten times what SQLite itself takes, so there the text that it would send, and how it would turn values, are kept.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import ARRAY, Connection, Delete, Dialect, Insert, Select, Update, bindparam, cast, func, select
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.exc import ArgumentError

Values: TypeAlias = Mapping[str, Any]
T = TypeVar("T")
MADE_KEPT = 512  # rows of one statement
_MANY = re.compile(r"__\[POSTCOMPILE_(\w+)\]")


class Prepared:
    """One statement. Rows answer to their columns' names; a column that is not given in an insert keeps its default."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, ...], _Text] = {}
        self._made: dict[tuple[Any, ...], Any] = {}
        self._of_arrays: Insert | None = None

    def rows(self, connection: Connection, values: Values) -> Sequence[Any]:
        """All rows."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).all()
        text = self._text(connection, ())
        return text.named(_driver(connection).execute(*text.bound(values)).fetchall())

    def made(self, connection: Connection, values: Values, make: Callable[[Any], T]) -> list[T]:
        """What ``make``, always the same pure function, makes of each row; one read before is not made anew."""
        if connection.dialect.name != "sqlite":
            return [make(row) for row in connection.execute(self._statement, values)]
        text = self._text(connection, ())
        return [self._same(text, row, make) for row in _driver(connection).execute(*text.bound(values)).fetchall()]

    def _same(self, text: _Text, row: tuple[Any, ...], make: Callable[[Any], T]) -> T:
        found: T | None = self._made.get(row)
        if found is None:
            if len(self._made) >= MADE_KEPT:
                self._made.clear()
            found = self._made[row] = make(text.named([row])[0])
        return found

    def row(self, connection: Connection, values: Values) -> Any:
        """The only row; None where there is none."""
        found = self.rows(connection, values)
        return found[0] if found else None

    def value(self, connection: Connection, values: Values) -> Any:
        """The first column of the first row; None where there is none."""
        found = self.rows(connection, values)
        return found[0][0] if found else None

    def run(self, connection: Connection, values: Values) -> int:
        """Write; how many rows it changed."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).rowcount
        text = self._text(connection, tuple(values))
        return int(_driver(connection).execute(*text.bound(values)).rowcount)

    def run_all(self, connection: Connection, lines: Sequence[Values]) -> None:
        """Write once for each line of values; all lines name the same columns."""
        if connection.dialect.name != "sqlite":
            connection.execute(self._statement, lines)
        elif len(lines) == 1:
            self.run(connection, lines[0])
        else:
            text = self._text(connection, tuple(lines[0]))
            _driver(connection).executemany(text.text, [text.flat(line) for line in lines])

    def run_columns(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """An insert, once for each row of columns of one length: integers and floats, which need no turning."""
        if connection.dialect.name != "sqlite":
            connection.execute(self._unnested(tuple(columns)), {name: list(each) for name, each in columns.items()})
        else:
            text = self._text(connection, tuple(columns))
            _driver(connection).executemany(text.text, zip(*(columns[name] for name in text.names), strict=True))

    def _unnested(self, names: tuple[str, ...]) -> Insert:
        """One statement with an array a column, where a server would take rows one by one."""
        if self._of_arrays is None:
            assert isinstance(self._statement, Insert)  # noqa: S101 - nothing else has columns
            table = self._statement.table
            arrays = [
                func.unnest(cast(bindparam(name, type_=kind), kind))
                for name, kind in ((name, ARRAY(table.c[name].type)) for name in names)
            ]
            self._of_arrays = table.insert().from_select(list(names), select(*arrays))
        return self._of_arrays

    def _text(self, connection: Connection, columns: tuple[str, ...]) -> _Text:
        key = columns if isinstance(self._statement, Insert) else ()
        made = self._texts.get(key)
        if made is None:
            made = self._texts[key] = _Text(self._statement, connection.dialect, key)
        return made


class _Text:
    """What goes to the driver: the text, the order of its values, and how values are turned on both ways."""

    def __init__(
        self, statement: Select[Any] | Insert | Update | Delete, dialect: Dialect, columns: tuple[str, ...]
    ) -> None:
        made = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.text = str(made)
        self._given = {name: value for name, value in made.params.items() if value is not None}
        self._binds = _binds(made, dialect)
        self._many = any(many for _, _, many in self._binds)
        self.names = tuple(name for name, _, _ in self._binds)
        chosen = statement.selected_columns if isinstance(statement, Select) else ()
        self._turns = [
            (place, turn)
            for place, column in enumerate(chosen)
            if (turn := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        self._row = _row_of([column.name for column in chosen])

    def bound(self, values: Values) -> tuple[str, list[Any]]:
        """Text and values for one execution; a list among the values becomes as many question marks."""
        if not self._many:
            return self.text, self.flat(values)
        given = {**self._given, **values}
        flat: list[Any] = []
        for name, turn, many in self._binds:
            each = given[name] if many else (given[name],)
            flat += each if turn is None else map(turn, each)
        return _MANY.sub(lambda found: ", ".join("?" * len(given[found[1]])), self.text), flat

    def flat(self, values: Values) -> list[Any]:
        """The values in the order of their question marks; raises SQLAlchemy's error for one that a column refuses."""
        if self._given:
            values = {**self._given, **values}
        try:
            return [values[name] if turn is None else turn(values[name]) for name, turn, _ in self._binds]
        except ValueError as error:
            raise ArgumentError(str(error)) from error

    def named(self, found: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        """Rows with their values turned."""
        if not found:
            return ()
        if not self._turns:
            return list(starmap(self._row, found))
        return [self._row(*self._turned(row)) for row in found]

    def _turned(self, row: tuple[Any, ...]) -> list[Any]:
        made = list(row)
        for place, turn in self._turns:
            made[place] = turn(made[place])
        return made


def _row_of(columns: Sequence[str]) -> Callable[..., Any]:
    return namedtuple("Row", columns, rename=True)  # noqa: PYI024 - columns come as they come


def _binds(made: Compiled, dialect: Dialect) -> list[tuple[str, Callable[[Any], Any] | None, bool]]:
    """Of each question mark: the value's name, how it is turned, and whether it stands for a list."""
    return [
        (name, bind.type.dialect_impl(dialect).bind_processor(dialect), bool(bind.expanding))
        for name, bind in ((name, made.binds[name]) for name in made.positiontup or ())  # type: ignore[attr-defined]
    ]


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
