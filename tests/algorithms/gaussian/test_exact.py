"""Steps towards the most likely latent values of classes."""

import torch

from skmeta.algorithms.gaussian.exact import MostLikely


def test_a_step_is_newtons_where_the_curvature_is_largest():
    """Between two classes that are as likely, of rows that vary together.

    There a step by half of that curvature would go as far beyond the solution as it had
    been before it, and one by twice of it half the way.
    """
    K = torch.full((1, 1, 2, 2), 1e3).double()
    logits = torch.tensor([0.05, -0.05]).double().expand(1, 1, 2, 2)
    Y = torch.eye(2).double().view(1, 1, 2, 2)  # a row of each class
    root = torch.ones(1, 1, 2, 1).double()
    near, solved = (
        logits + K @ MostLikely.apply(K, logits, Y, root, torch.tensor([steps]))
        for steps in (2, 1000)
    )
    torch.testing.assert_close(near, solved, rtol=0, atol=1e-4)
