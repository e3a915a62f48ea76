"""Labels of series and of targets, together."""

from __future__ import annotations

import pytest

from costwire_simulator.upstream.labelling import Labelling
from costwire_simulator.upstream.reading import BadText

TARGET = {"job": "kubelet", "instance": "i", "namespace": "kube-system"}


def merged(series: str, *, honor: bool) -> dict[str, str]:
    (found,) = Labelling(TARGET, honor=honor).labels([series])
    assert [*found] == sorted(found)
    return dict(found)


def test_own_labels_stay_where_they_are_honoured() -> None:
    assert merged('a{namespace="shop",x="1"}', honor=True) == {
        **TARGET,
        "__name__": "a",
        "namespace": "shop",
        "x": "1",
    }


def test_own_labels_that_are_empty_keep_the_targets_away() -> None:
    told = merged('a{namespace="",pod=""}', honor=True)
    assert told == {"__name__": "a", "job": "kubelet", "instance": "i"}


def test_own_labels_are_exported_where_they_are_not_honoured() -> None:
    assert merged('a{namespace="shop",exported_job="x",job="y"}', honor=False) == {
        **TARGET,
        "__name__": "a",
        "exported_namespace": "shop",
        "exported_job": "x",
        "exported_exported_job": "y",
    }
    assert merged('a{namespace=""}', honor=False) == {**TARGET, "__name__": "a"}


def test_a_series_without_labels_has_the_targets() -> None:
    assert merged("up", honor=True) == {**TARGET, "__name__": "up"}


def test_what_is_no_series_is_refused() -> None:
    with pytest.raises(BadText):
        Labelling(TARGET, honor=True).labels(['a{b ="c"}'])
