"""Owns frozen nouns as canonical JSON: what `model_dump` without defaults and `canonical_json` come to. Pure.

By hand, in a third of their time. A frozen value's text never changes, so the text of a very object that was written
before is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

from pydantic import BaseModel

from bot.core.numbers import canonical_json, plain, utc_text

FIELD_TEXTS_KEPT = 4  # of one field: a decision's snapshot and the one in order, of now and of the last one
_Known = dict[int, tuple[object, str]]
_LAST: dict[str, tuple[_Known, _Known]] = {}  # by name, the texts of the last two answers
_FIELDS: dict[tuple[str, str], dict[int, tuple[object, str | None]]] = {}
_SHAPES: dict[type[Any], list[tuple[str, str, Any]]] = {}


def text_of(noun: Any) -> str:
    """A noun, a model or a dataclass, without what is None or as by default."""
    parts = []
    for key, name, default in _SHAPES.get(type(noun)) or _shape(type(noun)):
        value = getattr(noun, name)
        if value is not None and (default is None or value != default):
            parts.append(f'{key}"{plain(value)}"' if type(value) is Decimal else key + _value(value))
    return "{" + ",".join(parts) + "}"


def fields_of(name: str, noun: BaseModel, wanted: Iterable[str] | None = None) -> dict[str, str]:
    """The texts of a noun's fields that are neither None nor as by default, all or those ``wanted``."""
    made = {}
    for _, field, default in _shape(type(noun)):
        value = getattr(noun, field)
        if value is None or (wanted is not None and field not in wanted):
            continue
        text = _kept(name, field, value, default)
        if text is not None:
            made[field] = text
    return made


def joined(parts: Mapping[str, str]) -> str:
    """An object of fields that are texts already."""
    return "{" + ",".join([f'"{name}":{text}' for name, text in sorted(parts.items())]) + "}"


def texts_of_map(name: str, nouns: Mapping[str, BaseModel]) -> str:
    """A map of frozen nouns."""
    keys = sorted(nouns)
    texts = _texts(name, [nouns[key] for key in keys])
    return "{" + ",".join([f"{encode_basestring(key)}:{text}" for key, text in zip(keys, texts, strict=True)]) + "}"


def texts_of_list(name: str, nouns: Iterable[BaseModel]) -> str:
    """A list of frozen nouns, in its order."""
    return "[" + ",".join(_texts(name, list(nouns))) + "]"


def _texts(name: str, nouns: list[Any]) -> list[str]:
    last, before = _LAST.get(name, ({}, {}))
    now: _Known = {}
    made = []
    for noun in nouns:
        number = id(noun)
        known = last.get(number) or before.get(number)
        if known is None or known[0] is not noun:
            known = (noun, text_of(noun))
        now[number] = known
        made.append(known[1])
    _LAST[name] = (now, last)
    return made


def _kept(name: str, field: str, value: object, default: object) -> str | None:
    """The text of a field, None where it is as by default; of what holds other values, remembered."""
    if not isinstance(value, tuple | dict | BaseModel):
        return None if default is not None and value == default else _value(value)
    kept = _FIELDS.setdefault((name, field), {})
    known = kept.get(id(value))
    if known is None or known[0] is not value:
        known = (value, None if value == default else _value(value))
        while len(kept) >= FIELD_TEXTS_KEPT:
            del kept[next(iter(kept))]
        kept[id(value)] = known
    return known[1]


def _shape(kind: type[Any]) -> list[tuple[str, str, Any]]:
    """The fields of a noun by name: as written, as held, and what it is by default, None where that is nothing."""
    known = _SHAPES.get(kind)
    if known is None:
        defaults = _of_model(kind) if issubclass(kind, BaseModel) else _of_dataclass(kind)
        known = _SHAPES[kind] = [(f'"{name}":', name, default) for name, default in sorted(defaults.items())]
    return known


def _of_model(kind: type[BaseModel]) -> dict[str, Any]:
    return {
        name: None if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
    }


def _of_dataclass(kind: type[Any]) -> dict[str, Any]:
    return {each.name: None if each.default is MISSING else each.default for each in fields(kind)}


def _value(value: Any) -> str:
    kind = type(value)
    if kind is Decimal:
        return f'"{plain(value)}"'
    if kind is str:
        return encode_basestring(value)
    if kind is tuple:
        return f"[{','.join([_OF_KIND.get(type(item), _value)(item) for item in value])}]"
    if kind is datetime:
        return f'"{utc_text(value)}"'
    if kind is float and isfinite(value):
        return repr(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is dict:
        told = [
            f"{encode_basestring(key)}:{_OF_KIND.get(type(value[key]), _value)(value[key])}" for key in sorted(value)
        ]
        return f"{{{','.join(told)}}}"
    return text_of(value) if isinstance(value, BaseModel) or is_dataclass(value) else canonical_json(value)


def _decimal(value: Decimal) -> str:
    return f'"{plain(value)}"'


#: What most of it is made of, without asking for every other kind first.
_OF_KIND: dict[type[Any], Callable[[Any], str]] = {Decimal: _decimal, str: encode_basestring}
