"""Errors and warnings of skmeta's own."""

from sklearn.exceptions import NotFittedError

__all__ = ["LoadError", "NotAdaptedError", "SaveError"]


class NotAdaptedError(NotFittedError):
    """A meta-trained estimator was asked about a task before it learnt one.

    ``fit`` learns from many tasks; ``adapt`` then learns the current one.
    """


class SaveError(ValueError):
    """An estimator holds something that a file without code cannot keep."""


class LoadError(ValueError):
    """A file does not hold an estimator that can be loaded here."""
