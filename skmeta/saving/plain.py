"""Ways without meta-learning in a file, and the estimators of scikit-learn in them.

The latter are kept by skops, which names types and runs no code of the file.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skmeta.exceptions import LoadError, SaveError
from skmeta.saving.archives import check_archive, check_built
from skmeta.saving.checks import check_names
from skmeta.saving.names import STRATEGIES
from skmeta.saving.values import Reader, Writer

__all__ = ["read_plain", "write_plain"]

# What skops does not trust by itself: what boosting of scikit-learn is made of (the
# functions of a partial must be trusted, too), and transformers of skmeta's own.
_TRUSTED = {
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
    "skmeta.model_selection._rows.Scaler",
    *(
        f"skmeta.tables.preprocessing.{name}"
        for name in (
            *("_Categories", "_Dates", "_Numbers"),
            *("_columns_of_dates", "_columns_of_numbers", "_columns_of_text"),
        )
    ),
}


def write_plain(
    writer: Writer, value: Any, own_types: list[str], where: str
) -> dict | None:
    """Write a strategy or an estimator of scikit-learn, with what it has learnt.

    Parameters
    ----------
    writer : Writer
        Of what is in it.
    value : object
        Anything.
    own_types : list of str
        Classes of skmeta that skops may bring.
    where : str
        What it is called in errors.

    Returns
    -------
    dict or None
        None for what is neither.

    Raises
    ------
    SaveError
        If a class in it could not be loaded again.
    """
    cls = type(value)
    if cls in STRATEGIES.values():
        given = value.get_params(deep=False)
        learnt = {name: each for name, each in vars(value).items() if name not in given}
        return {
            "strategy": cls.__name__,
            "params": writer.write(given, where),
            "learnt": writer.write(learnt, where),
        }
    is_known = cls.__module__.startswith("sklearn.") or _name_of(cls) in _TRUSTED
    if isinstance(value, BaseEstimator) and is_known:
        return {"skops": writer.write(_dump(value, own_types, where), where)}
    return None


def read_plain(reader: Reader, content: dict, own_types: list[str]) -> Any:
    """Return what :func:`write_plain` has written, None for other content.

    Raises
    ------
    LoadError
        If it holds what is not trusted.
    """
    if "skops" in content:
        return _load(reader.read(content["skops"]), own_types)
    if "strategy" not in content:
        return None
    given = reader.read(content["params"])
    strategy = STRATEGIES[content["strategy"]](**given)
    learnt = reader.read(content["learnt"])
    check_names(learnt, strategy, given)
    for name, value in learnt.items():
        setattr(strategy, name, value)
    return strategy


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _dump(estimator: Any, own_types: list[str], where: str) -> np.ndarray:
    from skops.io import dumps, get_untrusted_types  # takes a while, and few need it

    data = dumps(estimator)
    unknown = {*get_untrusted_types(data=data)} - _TRUSTED - {*own_types}
    if unknown:
        raise SaveError(
            f"Cannot save {where}: it holds {sorted(unknown)}, which a file without "
            "code cannot bring. Pickle and joblib keep anything."
        )
    try:
        check_archive(data)
        check_built(estimator)
    except LoadError as error:  # say it now, not when it is needed
        raise SaveError(
            f"Cannot save {where}: a file without code cannot bring it back. {error} "
            "Pickle and joblib keep anything."
        ) from error
    return np.frombuffer(data, dtype=np.uint8)


def _load(data: np.ndarray, own_types: list[str]) -> Any:
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    archive = check_archive(data.tobytes())
    try:
        estimator = loads(archive, trusted=[*_TRUSTED, *own_types])
    except UntrustedTypesFoundException as error:
        raise LoadError(f"It holds types that are not trusted: {error}") from error
    check_built(estimator)
    return estimator
