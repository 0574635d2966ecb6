"""Errors and warnings of skmeta's own."""

from sklearn.exceptions import NotFittedError

__all__ = ["NotAdaptedError"]


class NotAdaptedError(NotFittedError):
    """A meta-trained estimator was asked about a task before it learnt one.

    ``fit`` learns from many tasks; ``adapt`` then learns the current one.
    """
