"""All algorithms of the package."""

from skmeta_metric.arcface import ArcFace
from skmeta_metric.multi_similarity import MultiSimilarity
from skmeta_metric.ntxent import NTXent
from skmeta_metric.triplet import Triplet

__all__ = ["ArcFace", "MultiSimilarity", "NTXent", "Triplet"]
