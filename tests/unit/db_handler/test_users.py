"""Users: hashes, roles, and the memory of who signed in."""

import pytest

from costwire_db_handler.users import (
    Caller,
    CredentialCache,
    InvalidUser,
    Role,
    SignIn,
    User,
    hash_password,
    new_user,
    verify_password,
)


class KeptInMemory:
    """Users in a dictionary; counts how often it was asked."""

    def __init__(self, *users: User) -> None:
        self.users = {user.name: user for user in users}
        self.asked = 0

    def get(self, name: str) -> User | None:
        self.asked += 1
        return self.users.get(name)


class Clock:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_credentials_that_were_looked_at_before_a_change_are_not_remembered_after_it() -> None:
    cache = CredentialCache()

    class Changing(KeptInMemory):
        def get(self, name: str) -> User | None:
            found = super().get(name)
            cache.clear()  # an admin changes the user while the password is being hashed
            return found

    sign_in = SignIn(Changing(new_user("ann", Role.WRITER, "secret")), cache)
    assert sign_in.check("ann", "secret") is not None
    assert len(cache) == 0


def test_a_password_fits_its_own_hash_alone() -> None:
    encoded = hash_password("correct horse")
    assert verify_password("correct horse", encoded)
    assert not verify_password("correct hors", encoded)
    assert not verify_password("", encoded)


def test_equal_passwords_have_different_hashes() -> None:
    assert hash_password("secret") != hash_password("secret")


def test_a_hash_holds_no_password_and_says_how_it_was_made() -> None:
    encoded = hash_password("correct horse")
    assert encoded.startswith("scrypt$16384$8$1$")
    assert "correct" not in encoded


@pytest.mark.parametrize("encoded", ["", "x", "md5$1$2$3$4$5", "scrypt$a$8$1$eA==$eA==", "$$$$$"])
def test_a_hash_of_another_form_fits_no_password(encoded: str) -> None:
    assert not verify_password("x", encoded)


def test_a_password_beyond_ascii_fits() -> None:
    assert verify_password("pässwörd 🔑", hash_password("pässwörd 🔑"))


def test_a_users_hash_is_in_no_log() -> None:
    user = new_user("ann", Role.READER, "secret")
    assert user.password_hash not in repr(user)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "x" * 65, "a:b", "ä"])
def test_a_name_that_cannot_travel_is_refused(name: str) -> None:
    with pytest.raises(InvalidUser, match="a name has 1 to 64"):
        new_user(name, Role.READER, "secret")


@pytest.mark.parametrize("password", ["", "x" * 1_025])
def test_an_empty_or_huge_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidUser, match="a password has"):
        new_user("ann", Role.READER, password)


def test_right_credentials_sign_in_and_wrong_ones_do_not() -> None:
    ann = new_user("ann", Role.WRITER, "secret")
    sign_in = SignIn(KeptInMemory(ann))
    assert sign_in.check("ann", "secret") == Caller("ann", Role.WRITER)
    assert sign_in.check("ann", "Secret") is None
    assert sign_in.check("bob", "secret") is None


def test_known_credentials_are_not_hashed_again_within_a_minute() -> None:
    clock = Clock()
    users = KeptInMemory(new_user("ann", Role.WRITER, "secret"))
    sign_in = SignIn(users, CredentialCache(clock=clock))
    sign_in.check("ann", "secret")
    sign_in.check("ann", "secret")
    assert users.asked == 1
    clock.now += 61
    sign_in.check("ann", "secret")
    assert users.asked == 2


def test_wrong_credentials_are_never_remembered() -> None:
    users = KeptInMemory(new_user("ann", Role.WRITER, "secret"))
    sign_in = SignIn(users)
    sign_in.check("ann", "wrong")
    sign_in.check("ann", "wrong")
    assert users.asked == 2
    assert len(sign_in.cache) == 0


def test_a_removed_user_is_out_once_the_cache_is_cleared() -> None:
    users = KeptInMemory(new_user("ann", Role.WRITER, "secret"))
    sign_in = SignIn(users)
    assert sign_in.check("ann", "secret") is not None
    del users.users["ann"]
    sign_in.cache.clear()
    assert sign_in.check("ann", "secret") is None


def test_the_cache_forgets_the_oldest_beyond_its_size() -> None:
    cache = CredentialCache(entries=2)
    user = User("ann", Role.READER, "x")
    for password in ("1", "2", "3"):
        cache.put("ann", password, user)
    assert len(cache) == 2
    assert cache.get("ann", "1") is None
    assert cache.get("ann", "3") == user


def test_the_cache_tells_name_and_password_apart() -> None:
    cache = CredentialCache()
    cache.put("ann", "bsecret", User("ann", Role.ADMIN, "x"))
    assert cache.get("annb", "secret") is None
