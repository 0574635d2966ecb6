"""The course of a training."""

from typing import Any

import skorch.history

__all__ = ["History"]

_FIRST = ["epoch", "train_loss", "valid_loss", "valid_score", "dur"]


class History(skorch.history.History):
    """skorch's history of a training, which is also a table.

    Examples
    --------
    >>> from skmeta import MetaRegressor
    >>> from skmeta.datasets import make_sinusoids
    >>> X, y, task = make_sinusoids(n_tasks=20, n_rows=20, random_state=0)
    >>> meta = MetaRegressor("maml", max_epochs=2, random_state=0)
    >>> meta.fit(X, y, groups=task).history_.to_frame().columns.tolist()
    ['epoch', 'train_loss', 'valid_loss', 'valid_score', 'dur']
    """

    def to_frame(self) -> Any:
        """Return a row per epoch.

        Returns
        -------
        pandas.DataFrame
            ``epoch``, ``train_loss``, ``valid_loss`` and ``valid_score`` (missing
            without validation), ``dur`` in seconds, and what callbacks have recorded.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "history_.to_frame() returns a pandas DataFrame: pip install pandas. "
                "history_[:, 'train_loss'] gives a list without it."
            ) from error
        # Beside the batches themselves, skorch counts them and marks the best epochs.
        hidden = {"batches", "train_batch_count", "valid_batch_count"}
        hidden |= {f"{name}_best" for name in _FIRST}
        rows = [{k: v for k, v in row.items() if k not in hidden} for row in self]
        recorded = dict.fromkeys(name for row in rows for name in row)
        others = [name for name in recorded if name not in _FIRST]
        return pd.DataFrame(rows, columns=_FIRST + others)
