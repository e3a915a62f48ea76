"""Privileges of roles: the statements are those of the page, and roles are found in privileges."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from costwire_db_handler.stores.cratedb import privileges
from costwire_db_handler.stores.cratedb.privileges import Grant, Held
from costwire_db_handler.users import Role

PAGE = (Path(__file__).parents[4] / "docs" / "cratedb.md").read_text(encoding="utf-8")
USERS = {
    "costwire": privileges.HANDLER,
    "rita": privileges.ROLES[Role.READER],
    "will": privileges.ROLES[Role.WRITER],
    "ada": privileges.ROLES[Role.ADMIN],
}


def held(*grants: Grant, state: str = "GRANT") -> list[Held]:
    return [
        Held(single.level, single.on[0] if single.on else None, state, single.kinds[0])
        for grant in grants
        for single in grant.each()
    ]


@pytest.mark.parametrize("name", USERS)
def test_the_page_has_the_statements_that_are_run(name: str) -> None:
    told = re.findall(rf'^(GRANT .* TO "{name}");$', PAGE, re.MULTILINE)
    assert told == [grant.to(name) for grant in USERS[name]]
    assert f"CREATE USER \"{name}\" WITH (password = '...');" in PAGE


def test_the_page_grants_nothing_to_others() -> None:
    assert set(re.findall(r'TO "(\w+)"', PAGE)) == set(USERS)


@pytest.mark.parametrize("role", Role)
def test_a_role_is_found_in_its_privileges(role: Role) -> None:
    assert privileges.role_of(held(*privileges.ROLES[role])) is role


@pytest.mark.parametrize("role", Role)
def test_with_one_privilege_less_the_role_is_smaller(role: Role) -> None:
    whole = held(*privileges.ROLES[role])
    for left_out in whole:
        found = privileges.role_of([row for row in whole if row != left_out])
        assert found is None or not found.includes(role)


def test_a_wider_level_covers_the_narrower_ones() -> None:
    assert privileges.role_of(held(Grant(("DQL",)))) is Role.READER
    everything = held(Grant(("AL", "DQL", "DML", "DDL")))
    assert privileges.role_of(everything) is Role.ADMIN


def test_what_is_denied_at_a_narrower_level_is_not_there() -> None:
    everything = held(Grant(("AL", "DQL", "DML", "DDL")))
    denied = held(Grant(("DML",), "SCHEMA", ("costwire",)), state="DENY")
    assert privileges.role_of([*everything, *denied]) is Role.READER
    table = held(Grant(("DQL",), "TABLE", ("costwire.tables",)), state="DENY")
    assert privileges.role_of([*held(*privileges.ROLES[Role.READER])[:1], *table]) is None


@pytest.mark.parametrize("role", Role)
def test_what_is_beyond_a_role_is_what_larger_ones_have_and_it_has_not(role: Role) -> None:
    beyond = held(*privileges.beyond(role))
    own = held(*privileges.ROLES[role])
    assert not set(beyond) & set(own)
    everything = {row for grants in privileges.ROLES.values() for row in held(*grants)}
    assert set(beyond) | set(own) == everything


def test_names_are_quoted() -> None:
    grant = Grant(("DQL",), "SCHEMA", ("doc",))
    assert grant.to('a"b') == 'GRANT DQL ON SCHEMA doc TO "a""b"'
    assert grant.revoked("Ann") == 'REVOKE DQL ON SCHEMA doc FROM "Ann"'
