"""Hypothesis without a deadline: on a busy machine the first call of a kernel takes a while."""

from hypothesis import settings

settings.register_profile("focus", deadline=None)
settings.load_profile("focus")
