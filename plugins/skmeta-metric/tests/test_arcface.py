"""ArcFace against its equation, row by row."""

import numpy as np
import pytest
from naive import EPISODE, meta_loss, unit
from skmeta_metric import ArcFace


def test_arcface_row_by_row():
    scale, margin = 7.0, 20.0
    loss, module = meta_loss(ArcFace(margin, scale))
    vectors, costs = module.loss.W.detach().numpy().T, []
    for batch in EPISODE:
        for z, label in zip(batch.X[batch.mask], batch.label[batch.mask], strict=True):
            angles = [np.arccos(unit(z.numpy()) @ unit(vector)) for vector in vectors]
            assert angles[label] < np.pi - np.radians(margin)
            angles[label] += np.radians(margin)
            logits = scale * np.cos(angles)
            costs.append(np.log(np.exp(logits).sum()) - logits[label])
    assert loss == pytest.approx(np.mean(costs), rel=1e-9)
