"""Real and synthetic meta-datasets."""

from skmeta.datasets._movielens import load_movielens
from skmeta.datasets._synthetic import make_sinusoids

__all__ = ["load_movielens", "make_sinusoids"]
