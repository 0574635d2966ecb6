"""The differentiable machine has the solution of liblinear, and that found by hand."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.svm import LinearSVC

from skmeta.algorithms import Spec
from skmeta.algorithms.metaoptnet import MetaOptNet
from skmeta.algorithms.shared.crammer_singer import _Problem
from skmeta.backbones import Identity
from skmeta.episodes import Batch


def test_a_large_table_has_the_solution_of_liblinear(digits, monkeypatch):
    """And has it after few iterations, each of which is expensive."""
    X, y = digits[0][:600], digits[1][:600]
    X = PCA(8, whiten=True, random_state=0).fit_transform(X)
    machine = LinearSVC(
        multi_class="crammer_singer", C=0.1, fit_intercept=False, tol=1e-9
    )
    expected = machine.set_params(max_iter=100_000, random_state=0).fit(X, y).coef_
    algorithm = MetaOptNet(C=0.1)
    module = algorithm.build(Identity(), Spec(8, 0, "classifier", "per_task")).double()
    support = Batch(
        torch.from_numpy(X).unsqueeze(0),
        torch.from_numpy(y).unsqueeze(0),
        torch.ones(1, 600, dtype=torch.bool),
        torch.tensor([10]),
    )
    make_newton, iterations = _Problem.make_newton, []

    def counted(self, curvature):
        iterations.append(curvature)
        return make_newton(self, curvature)

    monkeypatch.setattr(_Problem, "make_newton", counted)
    vectors = algorithm.adapt(module, support).vectors[0]
    np.testing.assert_allclose(vectors, expected, atol=1e-4)
    assert len(iterations) <= 22


@pytest.mark.parametrize("C", [0.1, 100.0])
def test_two_classes_by_hand(C):
    """Rows at 1 and -1 on a line: w_1 = -w_2, and 2 w_1 = 1 unless C forbids it."""
    algorithm = MetaOptNet(C)
    module = algorithm.build(Identity(), Spec(1, 0, "classifier", "per_task"))
    support = Batch(
        torch.tensor([[[1.0], [-1.0]]]),
        torch.tensor([[0, 1]]),
        torch.ones(1, 2, dtype=torch.bool),
        torch.tensor([2]),
    )
    w = min(0.5, 2 * C)  # two rows, each adding C at most
    vectors = algorithm.adapt(module, support).vectors
    expected = torch.tensor([[[w], [-w]]])
    torch.testing.assert_close(vectors, expected, rtol=1e-6, atol=1e-6)
