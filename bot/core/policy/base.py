"""Owns what every group of configuration keys is made of: closed, frozen sections and partial ones laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, GetCoreSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from bot.core.policy.fields import Asset, Fraction, wrong

_Value = TypeVar("_Value")


def in_order(values: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """Sort a map by key: equal configurations are walked in the same order, however they were written."""
    return dict(sorted(values.items()))


def once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Answer with the list; raises where it is empty or names something twice."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice or not values:
        raise wrong(f"names {', '.join(twice)} twice" if twice else "is empty, must name at least one")
    return values


Assets = Annotated[tuple[Asset, ...], AfterValidator(once)]
Weights = Annotated[Mapping[Asset, Fraction], AfterValidator(in_order)]


class Section(BaseModel):
    """A group of keys: frozen, and closed to names it does not know."""

    # Building waits until a section is first used: most commands start without any.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, checking what is updated and forgetting what was worked out for the original."""
        del deep  # frozen all the way down
        written = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**written, **(update or {})})


@dataclass(frozen=True)
class PartOf:
    """Marks a map that may hold any keys of `section`, each checked as there; only what is written is in it."""

    section: type[Section]
    but: frozenset[str] = frozenset()

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the section once more with every key optional, and answer with the written keys only."""
        fields: dict[str, Any] = {}
        for name, info in self.section.model_fields.items():
            if name in self.but:
                continue
            field = copy(info)
            field.default, field.default_factory = None, None
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, Section):
                fields[name] = (Annotated[Mapping[str, object], PartOf(inner)], field)
            else:
                fields[name] = (inner, field)
        partial = create_model(f"{self.section.__name__}Part", __base__=Section, **fields)
        return core_schema.no_info_after_validator_function(_written, handler.generate_schema(partial))


def _written(section: Section) -> Mapping[str, object]:
    return {name: getattr(section, name) for name in sorted(section.model_fields_set)}


_Group = TypeVar("_Group", bound=Section)


def fast_before_slow(section: _Group, fast: int, slow: int) -> _Group:
    """Answer with the section; raises where the fast average is not the shorter one."""
    if fast >= slow:
        raise wrong(f"fast is {fast}, must be under slow {slow}")
    return section


def overridden(base: _Group, *layers: Mapping[str, object]) -> _Group:
    """Lay partial sections over a whole one, the last on top, and check the outcome as if it had been written so."""
    values: dict[str, object] = dict(base)
    for layer in layers:
        for name, value in layer.items():
            inner = values[name]
            values[name] = (
                overridden(inner, value) if isinstance(inner, Section) and isinstance(value, Mapping) else value
            )
    return type(base).model_validate(values)
