"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.support.faults"]

# A first call may load a library, and other processes want the cores: time is no promise here.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
