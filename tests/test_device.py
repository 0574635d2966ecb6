"""Training and prediction on an accelerator, where there is one."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from skmeta import MetaClassifier

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@cuda
@pytest.mark.parametrize("algorithm", ["maml", "anil", "protonet", "r2d2", "matching"])
def test_a_cuda_device_learns_what_the_cpu_learns(algorithm):
    X, y = load_digits(return_X_y=True)
    probabilities = []
    before = torch.cuda.get_rng_state()
    for device in ("cpu", "cuda"):
        meta = MetaClassifier(
            algorithm,
            tasks="classes",
            max_epochs=1,
            tasks_per_epoch=64,
            device=device,
            random_state=0,
        ).fit(X, y)
        assert next(meta.module_.parameters()).device.type == device
        probabilities.append(meta.adapt(X[:50], y[:50]).predict_proba(X[50:]))
    np.testing.assert_allclose(*probabilities, atol=0.05)
    assert torch.equal(torch.cuda.get_rng_state(), before)
