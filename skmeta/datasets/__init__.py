"""Real and synthetic meta-datasets."""

from skmeta.datasets._movielens import load_movielens
from skmeta.datasets._named import load
from skmeta.datasets._omniglot import fetch_omniglot, fetch_omniglot_one_shot_runs
from skmeta.datasets._synthetic import make_sinusoids

__all__ = [
    "fetch_omniglot",
    "fetch_omniglot_one_shot_runs",
    "load",
    "load_movielens",
    "make_sinusoids",
]
