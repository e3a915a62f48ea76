"""The first user: the admin of a data folder, whose password stands in a file beside the data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from costwire_db_handler.users import Role, Users, new_user, verify_password

ADMIN = "costwire"
PASSWORD_FILE = "admin.password"  # noqa: S105


def ensure_admin(users: Users, data_dir: Path) -> None:
    """Make the admin and the password file at first start; a lost or changed file sets it anew."""
    path = data_dir / PASSWORD_FILE
    admin = users.get(ADMIN)
    if path.exists():
        password = path.read_text().strip()
        if admin is not None and verify_password(password, admin.password_hash):
            return
    else:
        password = secrets.token_urlsafe(24)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
    users.add(new_user(ADMIN, Role.ADMIN, password))
