"""What tokens must say, claim by claim, to the second."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costwire_aggregator.tokens.claims import TokenRules, check_claims, granted_roles
from costwire_aggregator.tokens.errors import InsufficientRole, InvalidToken, TokenError

NOW = 1_753_000_000.0
LATER = NOW + 300
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
CLAIMS = ("exp", "nbf", "iat", "iss", "aud", "roles", "scope", "realm_access", "resource_access")


def passes(claims: dict[str, Any], **rules: Any) -> bool:
    try:
        check_claims(claims, TokenRules(**rules), NOW)
    except TokenError:
        return False
    return True


@pytest.mark.parametrize(
    ("claim", "good", "bad", "why"),
    [
        ("exp", NOW - 29.5, NOW - 30, "has expired"),
        ("nbf", NOW + 30, NOW + 30.5, "is not valid yet"),
        ("iat", NOW + 30, NOW + 30.5, "was issued in the future"),
    ],
)
def test_times_are_held_with_the_leeway(claim: str, good: float, bad: float, why: str) -> None:
    check_claims({"exp": LATER, claim: good}, TokenRules(), NOW)
    with pytest.raises(InvalidToken, match=why):
        check_claims({"exp": LATER, claim: bad}, TokenRules(), NOW)
    assert not passes({"exp": LATER, claim: good}, leeway_seconds=0)


def test_a_time_is_held_to_the_second_without_leeway() -> None:
    assert passes({"exp": NOW + 1, "nbf": NOW, "iat": NOW}, leeway_seconds=0)
    assert not passes({"exp": NOW}, leeway_seconds=0)


def test_expiry_is_asked_for_unless_it_is_not() -> None:
    with pytest.raises(InvalidToken, match="has no expiry"):
        check_claims({}, TokenRules(), NOW)
    assert passes({}, require_expiry=False)
    assert not passes({"exp": NOW - 60}, require_expiry=False)


@pytest.mark.parametrize(
    "value",
    [None, True, "1753000300", "", [LATER], {"at": LATER}, math.nan, math.inf, -math.inf],
    ids=str,
)
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_is_a_number(claim: str, value: Any) -> None:
    claims = {"exp": LATER, claim: value}
    with pytest.raises(InvalidToken, match="is no number"):
        check_claims(claims, TokenRules(require_expiry=False), NOW)


def test_numbers_larger_than_any_float_are_times() -> None:
    assert passes({"exp": 10**4000})
    assert not passes({"exp": -(10**4000)})
    assert not passes({"exp": LATER, "nbf": 10**4000})


@pytest.mark.parametrize(
    ("issuer", "is_good"),
    [
        ("https://a", True),
        ("https://b", True),
        *((other, False) for other in ("https://a/", "", None, ["https://a"], {"a": 1})),
    ],
)
def test_the_issuer_is_one_of_those_set(issuer: Any, is_good: bool) -> None:
    claims = {"exp": LATER, "iss": issuer}
    assert passes(claims)
    assert passes(claims, issuers=("https://a", "https://b")) is is_good
    assert not passes({"exp": LATER}, issuers=("https://a",))


@pytest.mark.parametrize(
    ("audience", "is_good"),
    [
        *((good, True) for good in ("us", ["them", "us"], [7, None, "us"])),
        *((bad, False) for bad in ("them", "u", "us them", None, [], [["us"]], {"us": 1})),
    ],
)
def test_the_audience_is_or_lists_one_of_those_set(audience: Any, is_good: bool) -> None:
    claims = {"exp": LATER, "aud": audience}
    assert passes(claims)
    assert passes(claims, audiences=("us", "we")) is is_good


ROLES = {
    "realm": {"realm_access": {"roles": ["other", "reader"]}},
    "roles": {"roles": ["reader"]},
    "one text": {"roles": "reader"},
    "scope": {"scope": "openid reader"},
}


@pytest.mark.parametrize("claims", ROLES.values(), ids=ROLES)
def test_a_role_is_found_where_it_may_stand(claims: dict[str, Any]) -> None:
    assert passes({"exp": LATER, **claims}, roles=("admin", "reader"))
    assert not passes({"exp": LATER, **claims}, roles=("admin", "read"))


def test_a_role_of_a_client_is_named_with_it() -> None:
    claims = {"exp": LATER, "resource_access": {"aggregator": {"roles": ["reader"]}}}
    assert passes(claims, roles=("aggregator/reader",))
    assert not passes(claims, roles=("reader",))
    assert not passes(claims, roles=("other/reader",))


def test_roles_of_other_shapes_grant_nothing() -> None:
    claims = {
        "roles": {"reader": 1},
        "scope": ["reader"],
        "realm_access": ["reader"],
        "resource_access": {"a": ["reader"], "b": {"roles": {"reader": 1}}, "c": None},
    }
    assert granted_roles(claims) == set()
    assert granted_roles({"roles": [7, ["reader"], None], "resource_access": [1]}) == set()
    assert granted_roles({"scope": " ", "realm_access": {"roles": None}}) == set()


def test_a_missing_role_is_told_apart_and_last() -> None:
    rules = TokenRules(roles=("reader",), issuers=("https://a",))
    with pytest.raises(InsufficientRole):
        check_claims({"exp": LATER, "iss": "https://a"}, rules, NOW)
    with pytest.raises(InvalidToken):
        check_claims({"exp": LATER}, rules, NOW)


@given(
    st.dictionaries(st.sampled_from(CLAIMS), JSON | st.just(LATER)),
    st.booleans(),
    st.sampled_from([(), ("a",)]),
)
def test_no_claims_break_off(
    claims: dict[str, Any], require_expiry: bool, names: tuple[str, ...]
) -> None:
    rules = TokenRules(names, names, names, require_expiry=require_expiry)
    try:
        check_claims(claims, rules, NOW)
    except TokenError:
        return
    assert "exp" in claims or not require_expiry
