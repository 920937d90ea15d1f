"""The conference's world, for what is recorded of it."""

from tests.conduct.conftest import one_world, world

__all__ = ["one_world", "world"]
