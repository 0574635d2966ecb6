"""Embeddings of numbers in front of any backbone, of rtdl_num_embeddings."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import rtdl_num_embeddings
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array
from torch import Tensor, nn

from skmeta import plugins
from skmeta.backbones import Backbone
from skmeta_tabular.rowwise import RowWise, require

__all__ = ["NumEmbedding", "compute_bins"]

_KINDS = ("periodic", "plr", "plr_lite", "ple", "piecewise")

# Between these quantiles of a standard normal lie all rows but three in a thousand.
_REACH = 3.0


class NumEmbedding(Backbone):
    r"""Embed every number as a vector, before any backbone (Gorishniy et al. 2022).

    A network that is given bare numbers is slow to learn functions that bend often; one
    that is given several functions of each number is not. The vectors of all features,
    side by side, are what ``backbone`` sees. The kinds are those of
    ``rtdl_num_embeddings``:

    - "periodic": :math:`W_j [\cos(2 \pi c_j x_j), \sin(2 \pi c_j x_j)] + b_j` with
      learnt frequencies :math:`c_j` (section 3.3; "PL" in the paper);
    - "plr": the same, then ReLU;
    - "plr_lite": with one W for all features, which has the fewest weights;
    - "ple": piecewise-linear encoding (equation 1), without weights. Component t is 0
      below bin t of the feature, 1 above and linear between; ``width`` has no part in
      it;
    - "piecewise": a linear embedding plus a linear map of that encoding, which starts
      at 0 (version "B" of the library).

    Piecewise-linear kinds need bins. A backbone is built before it sees a row, and so
    cannot compute them from the training rows as the paper does. But an estimator
    standardises features first (``normalize="global"``), so that by default the bins
    are those of a standard normal: ``n_bins`` of the same probability between -3 and 3.
    They suit features that are roughly normal. Where features are skewed, some of these
    bins lie where no rows are, and an indicator makes use of two. ``compute_bins(X)``
    makes those of the table itself. Which are better is for validation to tell, for new
    tasks may lie where the table has few rows.

    Parameters
    ----------
    backbone : str or Backbone, default="mlp"
        What follows, a registered name or an object.
    kind : {"periodic", "plr", "plr_lite", "ple", "piecewise"}, default="plr"
        Embedding of a number.
    width : int, default=16
        Length of the vector of a feature, but for "ple", whose is the number of bins.
    n_frequencies : int, default=16
        Frequencies of each feature in the periodic kinds; 48 in the library.
    frequency_scale : float, default=0.01
        Standard deviation of the frequencies at first, in periods per standard
        deviation of the feature. Important: with little of it the embedding is nearly
        linear, with much neighbouring values have nothing in common. The paper searches
        0.01 to 100.
    n_bins : int, default=16
        Bins of each feature in the piecewise kinds; 48 in the library.
    bins : sequence of array, default=None
        Ascending edges of the bins of every feature, in standardised units, as
        :func:`compute_bins` makes them. By default those of a standard normal.

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko. On embeddings for numerical features in
    tabular deep learning. NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from skmeta.backbones import MLP
    >>> from skmeta_tabular import NumEmbedding
    >>> network = NumEmbedding(MLP((32,)), kind="periodic").build(n_features=3)
    >>> network(torch.zeros(5, 10, 3)).shape  # five tasks of ten rows
    torch.Size([5, 10, 32])
    """

    def __init__(
        self,
        backbone: str | Backbone = "mlp",
        kind: Literal["periodic", "plr", "plr_lite", "ple", "piecewise"] = "plr",
        width: int = 16,
        n_frequencies: int = 16,
        frequency_scale: float = 0.01,
        n_bins: int = 16,
        bins: Sequence[ArrayLike] | None = None,
    ):
        self.backbone = backbone
        self.kind = kind
        self.width = width
        self.n_frequencies = n_frequencies
        self.frequency_scale = frequency_scale
        self.n_bins = n_bins
        self.bins = bins

    def build(self, n_features: int) -> nn.Module:
        """Chain the embedding and the backbone, whose ``out_features`` it has.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or the bins do not fit the features.
        """
        self._validate()
        embedding = self._embedding(n_features)
        width = embedding.get_output_shape().numel()
        network = plugins.resolve("backbone", self.backbone).build(width)
        chain = nn.Sequential(embedding, nn.Flatten(start_dim=1), network)
        return RowWise(chain, network.out_features)

    def _embedding(self, n_features: int) -> nn.Module:
        if self.kind == "ple":
            return rtdl_num_embeddings.PiecewiseLinearEncoding(self._edges(n_features))
        if self.kind == "piecewise":
            return rtdl_num_embeddings.PiecewiseLinearEmbeddings(
                self._edges(n_features), self.width, activation=False, version="B"
            )
        return rtdl_num_embeddings.PeriodicEmbeddings(
            n_features,
            self.width,
            n_frequencies=self.n_frequencies,
            frequency_init_scale=self.frequency_scale,
            activation=self.kind != "periodic",
            lite=self.kind == "plr_lite",
        )

    def _edges(self, n_features: int) -> list[Tensor]:
        if self.bins is None:
            return [_normal_edges(self.n_bins)] * n_features
        if len(self.bins) != n_features:
            raise ValueError(
                f"bins must have edges for each of the {n_features} features, and has "
                f"them for {len(self.bins)}."
            )
        edges = [
            torch.as_tensor(np.asarray(own, dtype=np.float32)) for own in self.bins
        ]
        for feature, own in enumerate(edges):
            ascends = own.ndim == 1 and len(own) >= 3 and bool((own.diff() > 0).all())
            if not (ascends and own.isfinite().all()):
                raise ValueError(
                    "bins must hold three or more finite, ascending edges for every "
                    f"feature; for feature {feature} they are {own.tolist()}."
                )
        return edges

    def _validate(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {list(_KINDS)}, not {self.kind!r}.")
        require(
            "a positive whole number",
            width=self.width,
            n_frequencies=self.n_frequencies,
            n_bins=self.n_bins,
        )
        require("a positive number", frequency_scale=self.frequency_scale)
        if self.n_bins < 2:
            raise ValueError(
                "n_bins must be 2 or more, for one bin is the number itself."
            )


def compute_bins(X: ArrayLike, n_bins: int = 16) -> list[NDArray[np.float32]]:
    """Compute bins of the same number of rows for every feature of a table.

    Parameters
    ----------
    X : array-like of shape (rows, features)
        Rows as an estimator is given them, those of training alone.
    n_bins : int, default=16
        Bins of a feature; it has fewer if it has fewer values.

    Returns
    -------
    list of array
        Ascending edges for each feature, in the standardised units of an estimator with
        ``normalize="global"``. A feature with less than three values, such as an
        indicator, or less than three distinct edges gets those of a standard normal.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skmeta import MetaClassifier
    >>> from skmeta_tabular import NumEmbedding, compute_bins
    >>> X, y = load_wine(return_X_y=True)
    >>> bins = compute_bins(X, n_bins=4)
    >>> print(bins[0].round(1))
    [-2.4 -0.8  0.1  0.8  2.3]
    >>> backbone = NumEmbedding("mlp", kind="ple", bins=bins)
    >>> meta = MetaClassifier("protonet", backbone, tasks="classes", max_epochs=1)
    """
    require("a positive whole number", n_bins=n_bins)
    X = check_array(X, dtype=np.float64, ensure_min_samples=2)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    normal = _normal_edges(max(n_bins, 2)).numpy()
    levels = np.linspace(0, 1, n_bins + 1)
    edges = []
    for column in X.T:
        own = np.unique(np.quantile(column, levels))
        bends = len(own) >= 3 and len(np.unique(column)) >= 3
        edges.append(own.astype(np.float32) if bends else normal)
    return edges


def _normal_edges(n_bins: int) -> Tensor:
    reach = torch.special.ndtr(torch.tensor(_REACH, dtype=torch.float64)).item()
    levels = torch.linspace(1 - reach, reach, n_bins + 1, dtype=torch.float64)
    return torch.special.ndtri(levels).float()
