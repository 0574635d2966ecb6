"""Tell whole numbers from what only looks like some."""

from numbers import Integral

__all__ = ["is_count"]


def is_count(value: object, least: int = 0) -> bool:
    """Tell whether a value is a whole number, of at least ``least``."""
    return isinstance(value, Integral) and int(value) >= least
