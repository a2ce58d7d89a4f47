"""Owns the way from a dotted key to what may stand there, read off the models; holds no value."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.core.policy import Asset, PartOf


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand at a key: one of the names of `section`, any name of an open map, or a single value."""

    section: type[BaseModel] | None = None
    but: frozenset[str] = frozenset()
    values: Any = None  # annotation of an open map's values
    open_map: bool = False
    lower: bool = False  # an open map's names are lower case
    text: bool = False  # a single value is taken as it is written
    nullable: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names known here; none in an open map or at a single value."""
        return frozenset(self.section.model_fields) - self.but if self.section else frozenset()


def place_of(model: type[BaseModel], path: Sequence[str]) -> Place | None:
    """What may stand at a path; None where nothing of that name exists."""
    here = Place(section=model)
    for name in path:
        if here.section is not None:
            if name not in here.names:
                return None
            here = _of_field(here.section.model_fields[name])
        elif here.open_map:
            here = _of_annotation(here.values)
        else:
            return None
    return here


def known_at(model: type[BaseModel], path: Sequence[str]) -> frozenset[str]:
    """The names known at a path, for a person who mistyped one."""
    place = place_of(model, path)
    return place.names if place else frozenset()


def _of_field(field: FieldInfo) -> Place:
    for mark in field.metadata:
        if isinstance(mark, PartOf):
            return Place(section=mark.section, but=mark.but)
    return _of_annotation(field.annotation)


def _of_annotation(annotation: Any) -> Place:
    choices = list(_choices(annotation))
    nullable = type(None) in choices
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return Place(section=choice, nullable=nullable)
        if get_origin(choice) is Mapping:
            names, values = get_args(choice)
            return Place(open_map=True, values=values, lower=names not in (Asset, str), nullable=nullable)
    single = [choice for choice in choices if choice is not type(None)]
    return Place(text=bool(single) and all(choice in (str, SecretStr) for choice in single), nullable=nullable)


def _choices(annotation: Any) -> Iterator[Any]:
    """Every branch of a union, without what is said about it."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _choices(branch)
    else:
        yield annotation
