"""Steps towards the most likely latent values of classes."""

import pytest
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
        logits + K @ MostLikely.apply(K, logits, Y, root, torch.tensor([steps]))[0]
        for steps in (2, 1000)
    )
    torch.testing.assert_close(near, solved, rtol=0, atol=1e-4)


def test_two_classes_weigh_what_they_would_beside_one_that_no_task_has(generator):
    """Their weights are opposite numbers, which half of the steps makes use of."""

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    A, logits = draw(3, 2, 4, 4), draw(3, 2, 4, 2)
    counts = torch.tensor([1.0, 2.0, 1.0, 0.0]).double().expand(3, 4)
    root = counts.sqrt()[:, None, :, None]
    K = root * (A @ A.mT) * root.mT
    code = torch.tensor([[0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    logits[2, ..., 1] = -torch.inf  # a task of one class
    steps = torch.tensor([5, 12, 9])

    def weights(n_classes):
        more = logits.new_full((3, 2, 4, n_classes - 2), -torch.inf)
        Y = torch.eye(n_classes).double()[code].unsqueeze(1)
        beside = torch.cat([logits, more], dim=-1)
        return MostLikely.apply(K, beside, Y, root, steps)[0]

    torch.testing.assert_close(weights(2), weights(3)[..., :2], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_gradients_are_those_of_the_steps_taken(n_classes, scale, generator):
    """Also where covariances are so large that the solution is far from them.

    Trainings of 60 epochs on the table ``union`` of trade unions diverged by gradients
    of the solution.
    """

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    A = draw(3, 2, 6, 6).requires_grad_()
    logits = draw(3, 2, 6, n_classes).requires_grad_()
    code = torch.randint(n_classes, (3, 6), generator=generator)
    Y = torch.eye(n_classes).double()[code].unsqueeze(1)
    root = (0.5 + draw(3, 1, 6, 1).abs()).sqrt()
    n_steps = torch.tensor([12, 12, 24])
    pull = draw(3, 2, 6, n_classes)

    def gradients(weights, volume):
        loss = (pull * weights).sum() + 2 * volume.sum()
        return torch.autograd.grad(loss, [A, logits])

    def by_steps(K):
        eye = torch.eye(6).double()
        S = torch.linalg.inv(eye + K / 2)
        alpha = torch.zeros_like(logits)
        for i in range(24):
            p = (logits + K @ alpha / root).softmax(dim=-1)
            step = alpha + S @ (root * (Y - p) - alpha)
            alpha = torch.where((i < n_steps)[:, None, None, None], step, alpha)
        return alpha, 0.5 * torch.logdet(eye + K / 2)

    ours = gradients(*MostLikely.apply(scale * A @ A.mT, logits, Y, root, n_steps))
    for one, other in zip(ours, gradients(*by_steps(scale * A @ A.mT)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9 * other.abs().max())
