"""Metric learning for skmeta, through pytorch-metric-learning.

Once the package is installed, ``MetaClassifier("triplet")`` works, and so do "ntxent",
"multi_similarity" and "arcface"; "lp", "cosine_similarity" and "snr" are distances.
The classes are the same with their hyperparameters.
"""

from typing import Any

from skmeta import hookimpl

__all__ = [
    "SNR",
    "ArcFace",
    "CosineSimilarity",
    "Lp",
    "MultiSimilarity",
    "NTXent",
    "Triplet",
]

# The version of skmeta's plugin API that this was written for.
skmeta_api_version = (1, 0)


@hookimpl
def skmeta_algorithms() -> dict[str, type]:
    """Offer Siamese networks with other losses."""
    from skmeta_metric import algorithms

    return {
        "arcface": algorithms.ArcFace,
        "multi_similarity": algorithms.MultiSimilarity,
        "ntxent": algorithms.NTXent,
        "triplet": algorithms.Triplet,
    }


@hookimpl
def skmeta_distances() -> dict[str, type]:
    """Offer the distances."""
    from skmeta_metric import distances

    return {
        "cosine_similarity": distances.CosineSimilarity,
        "lp": distances.Lp,
        "snr": distances.SNR,
    }


def __getattr__(name: str) -> Any:
    # Who looks a backbone up needs none of the library.
    if name in __all__:
        from skmeta_metric import algorithms, distances

        return getattr(distances if hasattr(distances, name) else algorithms, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
