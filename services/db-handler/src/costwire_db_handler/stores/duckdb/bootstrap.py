"""The first user: the admin of a data folder, whose password stands in a file beside the data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol

from costwire_db_handler.users import Role, User, new_user, verify_password

ADMIN = "costwire"
PASSWORD_FILE = "admin.password"  # noqa: S105


class UserFile(Protocol):
    """Where the users of a data folder are kept."""

    def get(self, name: str) -> User | None:
        """The user of this name, or None."""

    def keep(self, user: User) -> None:
        """Add a user, or replace the one of this name."""


def ensure_admin(users: UserFile, data_dir: Path) -> None:
    """Make the admin and the password file at first start; a lost or changed file sets it anew."""
    path = data_dir / PASSWORD_FILE
    admin = users.get(ADMIN)
    password = path.read_text().strip() if path.exists() else ""
    if password and admin is not None and verify_password(password, admin.password_hash):
        return
    if not password:
        password = secrets.token_urlsafe(24)
        _write_for_owner(path, password + "\n")
    users.keep(new_user(ADMIN, Role.ADMIN, password))


def _write_for_owner(path: Path, text: str) -> None:
    """Write a file that nobody else can read; a kill leaves the whole of it or nothing."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)
