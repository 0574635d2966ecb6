"""What makes an estimator savable: in a file, in pickles, and by skops."""

import copyreg
import os
from typing import Any, SupportsIndex

from skmeta import saving

__all__ = ["SavingMixin"]


class SavingMixin:
    """Estimators that :func:`skmeta.save` can keep."""

    def save(self, path: str | os.PathLike, *, supports: bool = False) -> None:
        """Write the fitted estimator to a file, which :func:`skmeta.load` reads.

        The file holds the weights, the parameters, the tasks that were adapted to and
        the versions of everything, and no code.

        Parameters
        ----------
        path : str or path-like
            One file. It is written as a whole or not at all.
        supports : bool, default=False
            Write the rows that the current tasks were learnt from as well, to which
            ``partial_adapt`` can add others after ``load``. They may be private.

        Raises
        ------
        SaveError
            If a parameter is an object whose class no plugin has registered, or if
            supports are to be written that are not there.
        """
        saving.save(self, path, supports=supports)

    # skops asks for the state alone and wants simple pieces: it gets the file. Copies
    # and pickles keep all there is, such as the optimizer, and share what they can.

    def __getstate__(self) -> dict[str, Any]:
        return saving.to_state(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        newobj = copyreg.__newobj__  # type: ignore[attr-defined]  # not in typeshed
        return newobj, (type(self),), vars(self).copy()

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state.keys() == {"skmeta"}:
            saving.from_state(self, state)
        else:
            vars(self).update(state)
