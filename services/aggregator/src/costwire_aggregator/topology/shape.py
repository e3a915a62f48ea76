"""The model's fields as its documents name them: the document, its schema, what can be chosen."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one of the model's classes."""

    attribute: str
    name: str
    """In documents: camelCase."""
    description: str
    is_identity: bool
    """Whether it says which thing it is: it has no default, and cannot be left out."""
    is_list: bool
    of: Any
    """The type of the value, or of the list's values: one that is no union."""

    @property
    def part(self) -> type | None:
        """The model's class that the value is of, or that the list is of; None of other values."""
        return self.of if is_dataclass(self.of) and isinstance(self.of, type) else None

    @property
    def is_map(self) -> bool:
        """Whether it has values of its own by names that are not fields."""
        return get_origin(self.of) is dict


def shape(kind: type) -> Sequence[Field]:
    """The fields of one of the model's classes."""
    return _shape(kind)


@cache
def _shape(kind: type) -> Sequence[Field]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _field(field.name, hints[field.name], _has_no_default(field)) for field in fields(kind)
    )


def _has_no_default(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _field(attribute: str, hint: Any, is_identity: bool) -> Field:
    description = ""
    if get_origin(hint) is Annotated:
        hint, description = get_args(hint)
    if get_origin(hint) in (types.UnionType, Union):
        (hint,) = (one for one in get_args(hint) if one is not types.NoneType)
    is_list = get_origin(hint) is list
    return Field(
        attribute,
        camel_case(attribute),
        description,
        is_identity,
        is_list,
        get_args(hint)[0] if is_list else hint,
    )


def camel_case(name: str) -> str:
    """`snake_case` as documents write it."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
