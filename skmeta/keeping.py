"""What all estimators offer to be kept: a file, pickles, and skops."""

import copyreg
import os

__all__ = ["KeepingMixin"]


class KeepingMixin:
    """Estimators that :func:`skmeta.save` can keep."""

    def save(self, path: str | os.PathLike) -> None:
        """Write the fitted estimator to a file, which :func:`skmeta.load` reads.

        The file holds the weights, the parameters, the tasks that were adapted to and
        the versions of everything, and no code.

        Parameters
        ----------
        path : str or path-like
            One file. It is written as a whole or not at all.

        Raises
        ------
        SaveError
            If a parameter is an object whose class no plugin has registered.
        """
        from skmeta.saving import save  # which knows the estimators, and stands above

        save(self, path)

    # skops asks for the state alone and wants simple pieces: it gets the file. Copies
    # and pickles keep all there is, such as the optimizer, and share what they can.

    def __getstate__(self):
        from skmeta.saving.estimators import to_state

        return to_state(self)

    def __reduce_ex__(self, protocol):
        return copyreg.__newobj__, (type(self),), vars(self).copy()

    def __setstate__(self, state):
        if state.keys() == {"skmeta"}:
            from skmeta.saving.estimators import from_state

            from_state(self, state)
        else:
            vars(self).update(state)
