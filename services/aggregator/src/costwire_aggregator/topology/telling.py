"""What series tell, into the fields of things.

Of several values for one field the largest holds. Texts that a series tells together stay together:
those of the last series by the alphabet hold, and others fill what it leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from costwire_aggregator.samples import Labels
from costwire_aggregator.topology.flavours.rules import (
    BYTES,
    CORES,
    AddressIn,
    AmountOf,
    LabelMap,
    Number,
    NumberIn,
    OwnedBy,
    OwnedByOneOf,
    State,
    Tell,
    Text,
    TextBy,
    Texts,
    Unit,
)
from costwire_aggregator.topology.model import Address, Interface, Owner, Pod, Workload
from costwire_aggregator.topology.readers import reader, words

NO_NUMBER = "its value is no number"
OUT_OF_RANGE = "its value is out of range"
NO_STATE = "its value is no known state"
NO_KEY = "a label that it needs is empty"
BAD_LABEL = "a label of it is no number, or out of range"

_NONE = "<none>"
"""How kube-state-metrics says that there is no owner."""
_RESOURCES = {"ephemeral_storage": "ephemeralStorage"}

Fill = Callable[[Any, Labels, float], str | None]
"""Fills fields of a thing from a series; says why the series was not used, where it was not."""


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Filling:
    """One way of telling, at work."""

    fill: Fill
    finish: Callable[[], None] = _nothing
    """To be called when all series were told."""


def filling(tell: Tell) -> Filling:
    """What does it."""
    match tell:
        case Texts():
            return _texts(tell)
        case Text():
            return Filling(_text(tell))
        case TextBy():
            return Filling(_text_by(tell))
        case Number():
            return Filling(_number(tell))
        case NumberIn():
            return Filling(_number_in(tell))
        case AmountOf():
            return Filling(_amount_of(tell))
        case State():
            return Filling(_state(tell))
        case LabelMap():
            return Filling(_label_map(tell))
        case OwnedBy():
            return Filling(_owned_by(tell))
        case OwnedByOneOf():
            return Filling(_owned_by_one_of(tell))
        case AddressIn():
            return Filling(_address_in(tell))


# Texts.


def _texts(tell: Texts) -> Filling:
    fields = [(*_parent_and_name(field), reader(name)) for field, name in tell.fields.items()]
    readers = [read for _, _, read in fields]
    told: dict[int, tuple[Any, list[Labels]]] = {}

    def fill(thing: Any, labels: Labels, value: float) -> None:
        if (key := id(thing)) in told:
            told[key][1].append(labels)
        else:
            told[key] = thing, [labels]

    def finish() -> None:
        for thing, series in told.values():
            if len(series) > 1:
                series.sort(key=lambda labels: [read(labels) for read in readers], reverse=True)
            for parent, name, read in fields:
                owner = parent(thing) if parent else thing
                if not getattr(owner, name):
                    text = read(series[0]) or next(filter(None, map(read, series[1:])), None)
                    setattr(owner, name, text)

    return Filling(fill, finish)


def _text(tell: Text) -> Fill:
    keep, read, always = _largest(tell.field), reader(tell.of), not tell.while_one

    def fill(thing: Any, labels: Labels, value: float) -> None:
        if (value == 1 or always) and (text := read(labels)):
            keep(thing, text)

    return fill


def _parent_and_name(field: str) -> tuple[Callable[[Any], Any] | None, str]:
    """What gives the part of a thing that has the field; None where the thing has it itself."""
    parent, _, name = field.rpartition(".")
    return attrgetter(parent) if parent else None, name


def _text_by(tell: TextBy) -> Fill:
    keep = _largest_in(tell.field)

    def fill(thing: Any, labels: Labels, value: float) -> str | None:
        key, text = labels.get(tell.by), labels.get(tell.text)
        if not key or not text:
            return NO_KEY
        if value == 1:
            keep(thing, key, text.capitalize())
        return None

    return fill


def _label_map(tell: LabelMap) -> Fill:
    keep, prefixes = _largest_in(tell.field), tell.prefixes

    def fill(thing: Any, labels: Labels, value: float) -> None:
        for label, text in labels.items():
            if label.startswith(prefixes) and text:
                prefix = next(prefix for prefix in prefixes if label.startswith(prefix))
                keep(thing, label.removeprefix(prefix), text)

    return fill


# Numbers.


def _number(tell: Number) -> Fill:
    unit, key, key_of = tell.unit, tell.key, words(tell.by)
    counted = _counter(unit)
    if not (key or tell.by):
        keep = _largest(tell.field)

        def fill(thing: Any, labels: Labels, value: float) -> str | None:
            number = counted(value)
            if number is None:
                return _why_not(value, unit)
            keep(thing, number)
            return None

        return fill

    keep_in = _largest_in(tell.field)

    def fill_map(thing: Any, labels: Labels, value: float) -> str | None:
        number, name = counted(value), key or key_of(labels)
        if number is None:
            return _why_not(value, unit)
        if not name:
            return NO_KEY
        keep_in(thing, name, number)
        return None

    return fill_map


def _amount_of(tell: AmountOf) -> Fill:
    keep_in, by = _largest_in(tell.field), tell.by
    cores, whole = _counter(CORES), _counter(BYTES)

    def fill(thing: Any, labels: Labels, value: float) -> str | None:
        resource = labels.get(by)
        if not resource:
            return NO_KEY
        number = cores(value) if resource == "cpu" else whole(value)
        if number is None:
            return _why_not(value, BYTES)
        keep_in(thing, _RESOURCES.get(resource, resource), number)
        return None

    return fill


def _number_in(tell: NumberIn) -> Fill:
    keep, counted = _largest(tell.field), _counter(tell.unit)

    def fill(thing: Any, labels: Labels, value: float) -> str | None:
        text = labels.get(tell.label)
        if not text:
            return None
        try:
            number = counted(float(text))
        except ValueError:
            number = None
        if number is None:
            return BAD_LABEL
        keep(thing, number)
        return None

    return fill


def _counter(unit: Unit) -> Callable[[float], int | float | None]:
    """What counts in a unit; None for what is no number, or out of range."""
    factor, least, most, whole = unit.factor, unit.least, unit.most, unit.whole

    def counted(value: float) -> int | float | None:
        value *= factor
        if least <= value <= most:
            return int(value) if whole else value
        return None

    return counted


def _why_not(value: float, unit: Unit) -> str | None:
    if value == unit.unknown:
        return None
    return OUT_OF_RANGE if math.isfinite(value) else NO_NUMBER


def _state(tell: State) -> Fill:
    states, key, key_of = tell.states, tell.key, words(tell.by)
    keep, keep_in = _largest(tell.field), _largest_in(tell.field)

    def fill(thing: Any, labels: Labels, value: float) -> str | None:
        state = states.get(value)
        if state is None:
            return NO_STATE if math.isfinite(value) else NO_NUMBER
        if not (key or tell.by):
            keep(thing, state)
        elif name := key or key_of(labels):
            keep_in(thing, name, state)
        else:
            return NO_KEY
        return None

    return fill


def _largest(field: str) -> Callable[[Any, Any], None]:
    """Sets a field where it holds nothing, or less."""
    parent, name = _parent_and_name(field)

    def keep(thing: Any, value: Any) -> None:
        owner = parent(thing) if parent else thing
        old = getattr(owner, name)
        if old is None or value > old:
            setattr(owner, name, value)

    return keep


def _largest_in(field: str) -> Callable[[Any, str, Any], None]:
    """Sets what stands under a key in the map of a field, where that is nothing, or less."""
    values_of = attrgetter(field)

    def keep(thing: Any, key: str, value: Any) -> None:
        values = values_of(thing)
        old = values.get(key)
        if old is None or value > old:
            values[key] = value

    return keep


# What belongs together.


def _owned_by(tell: OwnedBy) -> Fill:
    keep = _largest("owner")

    def fill(thing: Pod | Workload, labels: Labels, value: float) -> None:
        kind, name = labels.get(tell.kind), labels.get(tell.name)
        if kind and name and kind != _NONE:
            keep(thing, Owner(kind, name))

    return fill


def _owned_by_one_of(tell: OwnedByOneOf) -> Fill:
    keep = _largest("owner")

    def fill(thing: Pod | Workload, labels: Labels, value: float) -> None:
        for label, kind in tell.kinds.items():
            if name := labels.get(label):
                keep(thing, Owner(kind, name))
                break

    return fill


def _address_in(tell: AddressIn) -> Fill:
    def fill(thing: Interface, labels: Labels, value: float) -> str | None:
        address, netmask, scope = (
            labels.get(label, "") for label in (tell.address, tell.netmask, tell.scope)
        )
        if not address:
            return NO_KEY
        told = Address(address, netmask, scope)
        if told not in thing.addresses:
            thing.addresses.append(told)
        return None

    return fill
