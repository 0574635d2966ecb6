"""Gaussian processes for skmeta.

Once the package is installed, ``MetaRegressor("dkt")`` and ``MetaClassifier("dkt")``
work; :class:`DKT` is the same with its hyperparameters.
"""

from typing import Any

from skmeta import hookimpl

__all__ = ["DKT"]

# Version of skmeta's hooks that this module is written for.
skmeta_api_version = (1, 0)


@hookimpl
def skmeta_algorithms() -> dict[str, type]:
    """Offer deep kernel transfer."""
    from skmeta_gp.dkt import DKT

    return {"dkt": DKT}


def __getattr__(name: str) -> Any:
    # gpytorch takes its time to import, and who looks a backbone up needs none of it.
    if name == "DKT":
        from skmeta_gp.dkt import DKT

        return DKT
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
