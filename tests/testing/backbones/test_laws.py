"""Every law of backbones bites: for each there is one that breaks it and no other."""

import pytest
import torch
from torch import nn

from skmeta.backbones import Backbone, Conv4
from skmeta.testing import LAWS, BrokenLawError, check_backbone


class Net(nn.Module):
    """A sound network of foreign layers."""

    def __init__(self, n_features, out_features=5):
        super().__init__()
        self.out_features = out_features
        self.hidden = nn.Linear(n_features, 6)
        self.last = nn.Linear(6, out_features)

    def forward(self, X):
        return self.last(self.hidden(X).tanh())


class Sound(Backbone):
    net: type = Net

    def build(self, n_features):
        return self.net(n_features)


class NoModule(Sound):
    def build(self, n_features):
        return torch.tanh


class ForgetsOutFeaturesNet(Net):
    def __init__(self, n_features):
        super().__init__(n_features)
        del self.out_features


class MiscountsNet(Net):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.out_features = 4


class DropsAxisNet(Net):
    def forward(self, X):
        return super().forward(X).squeeze(0)  # of a single row


class MakesFloat32Net(Net):
    def forward(self, X):
        return super().forward(X).float()


class CentresBatchNet(Net):
    def forward(self, X):
        return super().forward(X - 0.1 * X.mean(dim=-2, keepdim=True))


class ClaimsTaskAxisNet(Net):
    carries_task_axis = True

    def __init__(self, n_features):
        super().__init__(n_features)
        self.hidden.carries_task_axis = self.last.carries_task_axis = True

    def forward(self, X):
        return super().forward(X) + (X.dim() - 2)


class BranchesOnValueNet(Net):
    def forward(self, X):
        hidden = self.hidden(X).tanh()
        return self.last(hidden if hidden.sum() < 1e9 else 2 * hidden)


class DetachesNet(Net):
    def forward(self, X):
        return self.last(self.hidden(X).tanh()).detach()


class HasIdleLayerNet(Net):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.idle = nn.Linear(2, 2)


class NormalisesByLengthNet(Net):
    def forward(self, X):
        return super().forward(X / X.norm(dim=-1, keepdim=True))


class AddsRootNet(Net):
    def forward(self, X):
        return super().forward(X) + X.square().sum(-1, keepdim=True).sqrt()


class AlwaysDropsNet(Net):
    def forward(self, X):
        return nn.functional.dropout(super().forward(X), 0.5, training=True)


class CountsCallsNet(Net):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, X):
        if not torch._C._functorch.is_batchedtensor(X):
            self.calls += 1
        return super().forward(X)


class HoldsLambdaNet(Net):
    def __init__(self, n_features):
        super().__init__(n_features)
        self.activation = lambda x: x


class Caches(Sound):
    built = None

    def build(self, n_features):
        if self.built is None or self.built.hidden.in_features != n_features:
            self.built = Net(n_features)
        return self.built


class RewritesItsParameter(Sound):
    def __init__(self, width="five"):
        self.width = width[:1] + width[1:]  # equal, but another object

    def build(self, n_features):
        return Net(n_features)


class LosesParameterInPickle(Sound):
    def __init__(self, width=5):
        self.width = width

    def __reduce__(self):
        return type(self), ()

    def build(self, n_features):
        return Net(n_features, self.width)


class DrawsElsewhere(Sound):
    rng = torch.Generator().manual_seed(0)

    def build(self, n_features):
        network = Net(n_features)
        noise = torch.randn(5, generator=self.rng)
        network.last.bias.data += noise
        return network


def with_net(net):
    """Return a backbone of a class of its own, which a pickle finds again."""
    name = net.__name__.removesuffix("Net")
    backbone = type(name, (Sound,), {"net": net, "__module__": __name__})
    globals()[name] = backbone
    return backbone()


_ALL = {law.name for law in LAWS["backbone"]}
_OWN_WEIGHTS = {
    "each_task_may_have_its_own_weights",
    "inner_steps_can_be_differentiated",
}
BROKEN = [
    (NoModule(), _ALL),
    (with_net(ForgetsOutFeaturesNet), {"output_has_out_features"}),
    (with_net(MiscountsNet), {"output_has_out_features"}),
    (with_net(DropsAxisNet), {"output_has_out_features", "rows_do_not_mix"}),
    (with_net(MakesFloat32Net), {"dtype_is_kept"}),
    (
        with_net(CentresBatchNet),
        {"rows_do_not_mix", "tasks_do_not_mix"},
    ),
    (
        with_net(ClaimsTaskAxisNet),
        {"tasks_do_not_mix", *_OWN_WEIGHTS},
    ),
    (
        with_net(BranchesOnValueNet),
        _OWN_WEIGHTS,
    ),
    (
        with_net(DetachesNet),
        {"inner_steps_can_be_differentiated", "every_parameter_gets_a_gradient"},
    ),
    (with_net(HasIdleLayerNet), {"every_parameter_gets_a_gradient"}),
    (with_net(NormalisesByLengthNet), {"embedding_is_finite"}),
    (with_net(AddsRootNet), {"embedding_is_finite"}),
    (
        with_net(AlwaysDropsNet),
        {
            "rows_do_not_mix",
            "tasks_do_not_mix",
            "evaluation_changes_nothing",
            *_OWN_WEIGHTS,
        },
    ),
    (with_net(CountsCallsNet), {"evaluation_changes_nothing"}),
    (with_net(HoldsLambdaNet), {"copies_build_the_same"}),
    (Caches(), {"copies_build_the_same"}),
    (RewritesItsParameter(), {"copies_build_the_same"}),
    (LosesParameterInPickle(width=3), {"copies_build_the_same"}),
    (DrawsElsewhere(), {"copies_build_the_same"}),
]


def outcome(backbone, status):
    results = check_backbone(backbone, on_fail=None)
    return {result.law for result in results if result.status == status}


@pytest.mark.parametrize(
    ("backbone", "broken"), BROKEN, ids=lambda value: type(value).__name__
)
def test_a_broken_backbone_fails_its_law_and_no_other(backbone, broken):
    assert outcome(backbone, "failed") == broken


def test_every_law_has_a_backbone_that_breaks_it_and_hardly_another():
    few = [broken for _, broken in BROKEN if len(broken) <= 2]
    assert set().union(*few) == _ALL


def test_a_sound_backbone_of_foreign_layers_keeps_every_law():
    assert outcome(Sound(), "passed") == _ALL


def test_the_message_names_law_finding_smallest_case_and_hint():
    with pytest.raises(BrokenLawError) as raised:
        check_backbone(BROKEN[5][0])
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("CentresBatch() breaks the law 'rows_do_not_mix': row 0")
    assert lines[1] == "Smallest case: 1 task of 2 rows with 1 feature."
    assert lines[2].startswith("Law: In evaluation mode a row is embedded alike")
    assert lines[3].startswith("Hint: reduce over features")


def test_batch_normalisation_is_spared_what_it_cannot_do():
    backbone = Conv4(image_shape=(4, 4), channels=(4,), norm="batch")
    results = check_backbone(backbone, n_features=16, on_fail=None)
    assert {
        result.law for result in results if result.status == "skipped"
    } == _OWN_WEIGHTS
    assert not [result for result in results if result.status == "failed"]


def test_a_width_for_which_none_is_given_is_found():
    # 28 x 28 by default: it refuses 4, 16 and 64 features.
    assert not outcome(Conv4(channels=(2, 2)), "failed")


def test_a_backbone_that_never_builds_says_why():
    class Refuses(Backbone):
        def build(self, n_features):
            raise ValueError(f"{n_features} features are no good")

    with pytest.raises(BrokenLawError, match="ValueError: 1 features are no good"):
        check_backbone(Refuses())
