"""The algorithm."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import one_hot

from skmeta import plugins
from skmeta.algorithms import Algorithm, mask_absent_classes
from skmeta.nn import apply


class Template(Algorithm):
    """Nearest class mean in the embedding, on a learnt scale.

    Parameters
    ----------
    distance : str or Distance, default="template-distance"
        Any registered distance, by name or as an object.
    """

    kinds = ("classifier",)

    def __init__(self, distance="template-distance"):
        self.distance = distance

    def has_prior(self, spec):
        """Without a row there is no mean."""
        return False

    def build(self, backbone, spec):
        """Hold what all tasks have in common: it is meta-learnt."""
        network = backbone.build(spec.n_features)
        distance = plugins.resolve("distance", self.distance)
        return _Module(network, distance.build(network.out_features))

    def adapt(self, module, support):
        """Average the embedded rows of every class, in all tasks at once."""
        rows = apply(module.backbone, support.X, support.mask)  # (tasks, rows, d)
        code = one_hot(support.y, int(support.n_classes.max()))
        member = (code * support.mask.unsqueeze(-1)).to(rows)  # (tasks, rows, classes)
        n_rows = member.sum(dim=1).unsqueeze(-1)
        return _State(member.mT @ rows / n_rows.clamp(min=1), support.n_classes)

    def predict(self, module, state, X):
        """Compare query rows with the means of their task."""
        distances = module.distance(apply(module.backbone, X), state.means)
        logits = -module.log_scale.exp() * distances
        return mask_absent_classes(logits, state.n_classes)


class _State(NamedTuple):
    means: torch.Tensor  # (tasks, classes, d)
    n_classes: torch.Tensor  # (tasks,)


class _Module(nn.Module):
    def __init__(self, backbone, distance):
        super().__init__()
        self.backbone = backbone
        self.distance = distance
        self.log_scale = nn.Parameter(torch.tensor(2.0))
