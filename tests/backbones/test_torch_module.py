"""Any torch module serves as a backbone, and stays as it is."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skmeta import MetaClassifier, MetaRegressor, SaveError
from skmeta.algorithms import MAML, ProtoNet, Reptile
from skmeta.backbones import Conv4, Correction, TorchModule
from skmeta.engine.checkpoints import fingerprint
from tests.quick import TINY, wine

X, Y, TASK = wine()
QUICK = {name: each for name, each in TINY.items() if name != "backbone"}

pytestmark = pytest.mark.filterwarnings(
    "ignore:Meta-learning does not help", "ignore:.*too small"
)


def network(width=6, last=nn.ReLU):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(13, width), last())


def fit(algorithm, backbone, **parameters):
    meta = MetaClassifier(algorithm, backbone, **QUICK | parameters)
    return meta.fit(X, Y, groups=TASK).adapt(X[:20], Y[:20])


@pytest.mark.parametrize("algorithm", ["protonet", "gp", "cnp", "r2d2", MAML()])
def test_a_module_is_a_backbone_as_wide_as_it_turns_out(algorithm):
    module = network()
    before = {name: each.clone() for name, each in module.state_dict().items()}
    meta = fit(algorithm, module)
    assert np.isfinite(meta.predict_proba(X)).all()
    assert meta.backbone is module
    assert not hasattr(module, "out_features")
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, before[name])
    built = meta.backbone_.build(13)
    assert built.out_features == 6
    assert built.training


@pytest.mark.parametrize("algorithm", [MAML(), Reptile(), "anil", "boil"])
def test_layers_of_torch_alone_have_weights_for_every_task(algorithm):
    """Softmax is none that skmeta has in its own way."""
    meta = fit(algorithm, network(last=lambda: nn.Softmax(dim=-1)))
    assert np.isfinite(meta.predict_proba(X)).all()


def test_training_starts_from_the_weights_of_the_module():
    module = network()
    one, other = (fit("protonet", module, lr=1e-12) for _ in range(2))
    for meta in (one, other):
        weight = meta.module_.backbone[0].weight
        torch.testing.assert_close(weight, module[0].weight)


@pytest.mark.parametrize(
    "algorithm", ["protonet", "gp", MAML(), Reptile(), Reptile(inner_optimizer="adam")]
)
def test_what_needs_no_gradient_stays(algorithm):
    module = network().requires_grad_(False)
    meta = fit(algorithm, module, lr=0.1)
    learnt = dict(meta.module_.named_parameters())
    kept = [each for name, each in learnt.items() if name.endswith("backbone.0.weight")]
    assert all(torch.equal(each, module[0].weight) for each in kept)
    assert np.isfinite(meta.predict_proba(X)).all()


def test_a_lazy_module_learns_its_width_and_a_double_one_becomes_single():
    assert TorchModule(nn.LazyLinear(3)).build(5)(torch.zeros(1, 5)).shape == (1, 3)
    assert TorchModule(nn.Linear(5, 3).double()).build(5).weight.dtype == torch.float32


def test_statistics_of_a_batch_have_not_seen_the_rows_of_the_trial():
    built = TorchModule(nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))).build(4)
    assert built[1].num_batches_tracked == 0


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Linear(5, 3), r"Linear takes no rows of 13 features \(RuntimeError"),
        (nn.Unflatten(1, (13, 1)), r"Unflatten makes \(2, 13, 1\)"),
        (nn.LSTM(13, 3), "LSTM makes no tensor"),
        (nn.Flatten(0), r"Flatten makes \(26,\)"),
    ],
    ids=["features", "image", "tuple", "flat"],
)
def test_a_module_that_is_no_backbone_is_told_why(module, said):
    with pytest.raises(ValueError, match=said):
        fit("protonet", module)


def test_a_module_goes_wherever_a_backbone_goes():
    corrected = Correction(network()).build(13)
    torch.testing.assert_close(corrected(torch.ones(1, 13)), torch.ones(1, 13))
    meta = fit("protonet", network())
    again = pickle.loads(pickle.dumps(meta))
    np.testing.assert_array_equal(again.predict(X), meta.predict(X))
    copied = clone(meta)
    assert copied.backbone is not meta.backbone
    copied.fit(X, Y, groups=TASK)
    meta.set_params(warm_start=True).fit(X, Y, groups=TASK)
    assert "Linear(in_features=13" in repr(meta)
    with pytest.raises(ValueError, match="warm_start=True goes on from weights"):
        meta.set_params(backbone=network(5)).fit(X, Y, groups=TASK)


def test_a_file_without_code_brings_no_module(tmp_path):
    with pytest.raises(SaveError, match=r"backbone: Sequential is.*Backbone that"):
        fit("protonet", nn.Sequential(network())).save(tmp_path / "a")


def test_checkpoints_tell_modules_of_other_weights_apart():
    one, other = network(), network()
    with torch.no_grad():
        other[0].weight[0, 0] += 1
    marks = [fingerprint({"backbone": each}, {}) for each in (one, network(), other)]
    assert marks[0] == marks[1] != marks[2]


@pytest.mark.parametrize(
    "backbone", [network(), Conv4((13, 1), (4,)), Correction(base=network(13))]
)
def test_what_takes_rows_of_one_width_does_not_see_a_prior(backbone):
    """The kernel learner shows a backbone what its prior says, beside the features."""
    meta = fit("gp", backbone, prior="linear")
    assert np.isfinite(meta.predict_proba(X)).all()


# Nothing to learn -------------------------------------------------------------------


def test_without_a_parameter_there_is_one_epoch_in_which_nothing_is_learnt():
    algorithm = ProtoNet(learn_scale=False)
    frozen = fit(algorithm, "identity", label_space="per_task", max_epochs=4)
    assert np.isfinite(frozen.history_[:, "train_loss"]).all()
    assert np.isfinite(frozen.predict_proba(X)).all()


@pytest.mark.parametrize("algorithm", ["protonet", "boil", "relation", "siamese"])
def test_no_backbone_is_one(algorithm):
    space = "per_task" if algorithm == "siamese" else "shared"
    meta = fit(algorithm, "identity", label_space=space)
    assert np.isfinite(meta.predict_proba(X)).all()


def test_a_regressor_takes_a_module():
    meta = MetaRegressor("maml", nn.Linear(12, 4), **QUICK)
    values = meta.fit(X[:, 1:], X[:, 0], groups=TASK).adapt(X[:9, 1:], X[:9, 0])
    assert np.isfinite(values.predict(X[:, 1:])).all()
