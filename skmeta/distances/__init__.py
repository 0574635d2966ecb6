"""Distances between embeddings, for the algorithms that compare rows."""

from skmeta.distances.base import Cosine, Distance, Euclidean, Mahalanobis, Manhattan
from skmeta.distances.tangent import Tangent

__all__ = ["Cosine", "Distance", "Euclidean", "Mahalanobis", "Manhattan", "Tangent"]
