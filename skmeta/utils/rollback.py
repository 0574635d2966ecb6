"""All or nothing: what an object has learnt comes back where a change of it fails."""

import contextlib
from collections.abc import Iterator

from sklearn.base import BaseEstimator

__all__ = ["kept_on_failure"]


@contextlib.contextmanager
def kept_on_failure(meta: BaseEstimator) -> Iterator[None]:
    """Give back what an earlier fit has learnt where the present one fails.

    Ctrl-C is such a failure: half a fit is none.
    """
    before = meta.__dict__.copy()
    try:
        yield
    except BaseException:
        meta.__dict__ = before
        raise
