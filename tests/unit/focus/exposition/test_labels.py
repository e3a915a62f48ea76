import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_focus.exposition import COPY_LABEL
from costwire_focus.exposition.labels import escape, label_names, unescape

HARD = [
    "", " ", "a.b", "a b", "Größe", "日本", "🙂", "x" * 120, "é" * 120, "x" * 300, "a" * 299 + ".",
    "job", "instance", "__name__", "__x", "U__x", "U__", "U___", "costwire_copy", "Costwire_Copy",
    "_", "_e9_", "é", "_e9", "9lives", "ServiceName", "servicename", "SERVICENAME", "ServiceName_2",
    "le", "quantile", "a[b]", "a\"b", "a\nb", "a\\b", "a{b}", "x_prefix1_suffix", "x_prefix2_suffix"
]  # fmt: skip


def test_focus_and_custom_columns_are_their_own_labels():
    names = ["BilledCost", "ServiceName", "x_Custom", "Id", "_private"]
    assert label_names(names) == {name: name for name in names}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("job", "U__job"),
        ("instance", "U__instance"),
        ("__name__", "U______name____"),
        ("costwire_copy", "U__costwire__copy"),
        ("U__x", "U__U____x"),
        ("a.b", "U__a_2e_b"),
        ("Größe", "U__Gr_f6__df_e"),
        ("9lives", "U___39_lives"),
        ("", "U__"),
    ],
)
def test_the_escape_is_prometheus_own(name, label):
    assert escape(name) == label
    assert unescape(label) == name


@pytest.mark.parametrize("name", HARD)
def test_a_hard_name_comes_back(name):
    assert unescape(escape(name)) == name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_any_name_comes_back(name):
    assert unescape(escape(name)) == name


@given(st.lists(st.text("aAbB_1.éU 2", max_size=8), unique=True, max_size=12))
def test_labels_are_legal_and_differ_in_more_than_case(names):
    columns = list(dict.fromkeys([*names, *HARD]))
    labels = label_names(columns)
    assert list(labels) == columns
    assert all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) for label in labels.values())
    folded = [label.lower() for label in labels.values()]
    assert len(set(folded)) == len(folded)
    assert not {"job", "instance", COPY_LABEL} & set(folded)
    assert not any(label.startswith("__") for label in labels.values())


def test_of_names_that_differ_in_case_the_focus_column_keeps_its_own():
    assert label_names(["servicename", "ServiceName", "SERVICENAME"]) == {
        "servicename": "servicename_2",
        "ServiceName": "ServiceName",
        "SERVICENAME": "SERVICENAME_3",
    }


@pytest.mark.parametrize("label", ["U__ffffff_", "U___ffffff_", "U___d800_", "U__x_zz_", "Ux__"])
def test_a_label_that_only_looks_escaped_raises_nothing(label):
    assert unescape(label).encode()


def test_a_code_beyond_unicode_stays_as_it_is():
    assert unescape("U__a_ffffff_b_d800_c") == "a_ffffff_b_d800_c"
