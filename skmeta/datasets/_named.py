"""Meta-datasets by name: the built-in ones and those of plugins."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from sklearn.utils import check_consistent_length

from skmeta import plugins
from skmeta.datasets._movielens import load_movielens
from skmeta.datasets._omniglot import fetch_omniglot, fetch_omniglot_one_shot_runs
from skmeta.datasets._synthetic import make_sinusoids

__all__ = ["load", "make_sinusoids", "movielens", "omniglot", "omniglot_one_shot_runs"]


def load(name: str, **options: Any) -> tuple[Any, Any, Any]:
    """Load a meta-dataset by its name, whichever package offers it.

    Parameters
    ----------
    name : str
        A registered name: ``skmeta.plugins.names("dataset")`` or ``python -m skmeta
        plugins`` lists them.
    **options
        Arguments of the function that the name stands for,
        ``skmeta.plugins.get("dataset", name)``.

    Returns
    -------
    X : array, sparse matrix or DataFrame of shape (n_rows, n_features)
        Features.
    y : array or Series of shape (n_rows,)
        Targets.
    groups : array or Series of shape (n_rows,)
        Task of each row.

    Raises
    ------
    ValueError
        If the name is unknown; or if what its function returns is not of these shapes.

    Examples
    --------
    >>> from skmeta.datasets import load
    >>> X, y, groups = load("sinusoids", n_tasks=3, n_rows=10, random_state=0)
    >>> X.shape
    (30, 1)
    """
    entry = plugins.entry("dataset", name)
    data = entry.cls(**options)
    try:
        X, y, groups = data
        check_consistent_length(X, y, groups)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The dataset {entry.full_name!r} must be X, y and groups of equal length, "
            f"and is not: {error}"
        ) from error
    return X, y, groups


def movielens(*, part: Literal["train", "test"] = "train", **options: Any) -> tuple:
    """MovieLens, one task per user, who likes a film or does not.

    Parameters
    ----------
    part : {"train", "test"}, default="train"
        The users to learn from, or the new ones.
    **options
        Arguments of :func:`skmeta.datasets.load_movielens`.

    Returns
    -------
    X, y, groups : DataFrame and two Series
        Rows of one part.
    """
    _check_part(part, ("train", "test"))
    data = load_movielens(**options)
    return tuple(data[f"{what}_{part}"] for what in ("X", "y", "groups"))


def omniglot(**options: Any) -> tuple:
    """Omniglot, handwritten characters as rows of pixels, one task per alphabet.

    Parameters
    ----------
    **options
        Arguments of :func:`skmeta.datasets.fetch_omniglot`.

    Returns
    -------
    X, y, groups : ndarray
        Pixels, characters and alphabets.
    """
    return fetch_omniglot(return_X_y_groups=True, **options)


def omniglot_one_shot_runs(
    *, part: Literal["support", "query", "both"] = "both", **options: Any
) -> tuple:
    """The official one-shot test of Omniglot, 20 tasks of 20 characters.

    Parameters
    ----------
    part : {"support", "query", "both"}, default="both"
        The 400 rows to learn from, the 400 to judge on, or the first ones followed by
        the second.
    **options
        Arguments of :func:`skmeta.datasets.fetch_omniglot_one_shot_runs`.

    Returns
    -------
    X, y, groups : ndarray
        Pixels, classes and runs.
    """
    _check_part(part, ("support", "query", "both"))
    runs = fetch_omniglot_one_shot_runs(**options)
    parts = ("support", "query") if part == "both" else (part,)
    return tuple(
        np.concatenate([runs[f"{what}_{own}"] for own in parts])
        for what in ("X", "y", "groups")
    )


def _check_part(part: str, known: tuple[str, ...]) -> None:
    if part not in known:
        raise ValueError(f"part must be one of {known}, not {part!r}.")
