"""All backbones of the package."""

from skmeta_tabular.ft_transformer import FTTransformer
from skmeta_tabular.num_embedding import NumEmbedding, compute_bins
from skmeta_tabular.resnet import TabularResNet
from skmeta_tabular.tabm import TabM

__all__ = ["FTTransformer", "NumEmbedding", "TabM", "TabularResNet", "compute_bins"]
