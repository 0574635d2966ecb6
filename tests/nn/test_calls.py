"""A task axis on the weights is a Python loop over tasks, only faster."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from skmeta import nn as layers
from skmeta.backbones import MLP, Correction, ResNetMLP
from skmeta.nn import apply, apply_per_task
from skmeta.nn.calls import _carries_task_axis

N_TASKS, N_ROWS, N_FEATURES = 5, 5, 6  # tasks = rows, so that axes can be mistaken


class Scaled(nn.Linear):
    """A foreign layer: a subclass of a layer that skmeta knows."""

    def forward(self, X):
        return 2 * super().forward(X).tanh()


class FeatureAttention(nn.Module):
    """Foreign and not a chain: the features of a row attend to each other."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, X):
        tokens = self.embed(X.unsqueeze(-1))
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return self.out(mixed.mean(dim=1))


OWN = {
    "linear": lambda: layers.Linear(N_FEATURES, 3),
    "linear without bias": lambda: layers.Linear(N_FEATURES, 3, bias=False),
    "layer norm": lambda: layers.LayerNorm(N_FEATURES),
    "layer norm without bias": lambda: layers.LayerNorm(N_FEATURES, bias=False),
    "layer norm without weights": lambda: layers.LayerNorm(
        N_FEATURES, elementwise_affine=False
    ),
    "residual": lambda: layers.Residual(
        layers.Linear(N_FEATURES, N_FEATURES), nn.Tanh()
    ),
    "nested residual": lambda: layers.Residual(
        layers.Residual(layers.Linear(N_FEATURES, N_FEATURES)),
        layers.LayerNorm(N_FEATURES),
    ),
    "convolution": lambda: nn.Sequential(
        layers.Images((2, 3, 1)), layers.Conv2d(2, 3, 3, padding=1), layers.Flatten()
    ),
    "convolution without bias": lambda: nn.Sequential(
        layers.Images((1, 2, 3)), layers.Conv2d(1, 4, 2, bias=False), layers.Flatten()
    ),
    "image network": lambda: layers.Pieces(
        layers.Images((1, 2, 3)),
        layers.Conv2d(1, 4, 3, padding=1),
        layers.MaxPool2d((1, 2), ceil_mode=True),
        layers.GroupNorm(2, 4),
        nn.ReLU(),
        layers.Conv2d(4, 4, 3, padding=1),
        layers.GroupNorm(1, 4),
        layers.MaxPool2d(2),
        layers.Flatten(),
    ),
    "group norm without weights": lambda: nn.Sequential(
        layers.Images((2, 1, 3)), layers.GroupNorm(1, 2, affine=False), layers.Flatten()
    ),
    "residual mlp": lambda: ResNetMLP(width=8, dropout=0.5).build(N_FEATURES),
    "correction": lambda: Correction(MLP((8,))).build(N_FEATURES),
} | {
    f"mlp {options}": lambda options=options: MLP(hidden=(8, 8, 4), **options).build(
        N_FEATURES
    )
    for options in [
        {"activation": "relu"},
        {"activation": "gelu"},
        {"activation": "silu"},
        {"activation": "tanh"},
        {"norm": "layer"},
        {"residual": True},
        {"dropout": 0.5},
        {"norm": "layer", "residual": True, "dropout": 0.1, "activation": "gelu"},
    ]
}
FOREIGN = {
    "subclass of nn.Linear": lambda: Scaled(N_FEATURES, 3),
    "plain nn.Linear": lambda: nn.Sequential(nn.Linear(N_FEATURES, 4), nn.PReLU()),
    "group norm": lambda: nn.Sequential(
        nn.Linear(N_FEATURES, 8), nn.GroupNorm(2, 8), nn.ReLU()
    ),
    "own convolution and foreign": lambda: nn.Sequential(
        layers.Images((1, 2, 3)),
        layers.Conv2d(1, 4, 3, padding=1),
        layers.MaxPool2d((1, 2)),
        layers.GroupNorm(2, 4),
        nn.PReLU(4),
        layers.Conv2d(4, 4, 3, padding=1),
        layers.GroupNorm(2, 4),
        layers.Flatten(),
    ),
    "foreign image network": lambda: nn.Sequential(
        nn.Unflatten(-1, (1, 2, 3)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.GroupNorm(2, 4),
        nn.MaxPool2d(2),
        nn.Flatten(),
    ),
    "own and foreign": lambda: nn.Sequential(
        layers.Linear(N_FEATURES, 8), nn.RMSNorm(8)
    ),
    "attention": FeatureAttention,
}


def make(build):
    torch.manual_seed(0)
    return build().double().eval()


@pytest.fixture(autouse=True)
def _own_generator():
    with torch.random.fork_rng():
        yield


def rows():
    X = torch.randn(N_TASKS, N_ROWS, N_FEATURES, dtype=torch.float64)
    return X.requires_grad_()


def own_weights(module, names=None):
    return {
        name: (weight + torch.randn(N_TASKS, *weight.shape).to(weight))
        .detach()
        .requires_grad_()
        for name, weight in module.named_parameters()
        if names is None or name in names
    }


def loop_over_tasks(module, own, X):
    return torch.stack(
        [
            functional_call(module, {name: w[i] for name, w in own.items()}, (X[i],))
            for i in range(len(X))
        ]
    )


def assert_equals_a_loop(module, own):
    X = rows()
    got, expected = apply_per_task(module, own, X), loop_over_tasks(module, own, X)
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    inputs = [X, *own.values()]
    for g, e in zip(
        torch.autograd.grad(got.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(g, e, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", OWN)
def test_a_task_axis_equals_a_loop_over_tasks(kind):
    module = make(OWN[kind])
    assert _carries_task_axis(module)
    assert_equals_a_loop(module, own_weights(module))


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_module_equals_a_loop_over_tasks(kind):
    module = make(FOREIGN[kind])
    assert not _carries_task_axis(module)
    assert_equals_a_loop(module, own_weights(module))


@pytest.mark.parametrize("build", [OWN["linear"], OWN["layer norm"]])
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_parameters_that_are_not_named_are_shared_by_all_tasks(build, name):
    module = make(build)
    assert_equals_a_loop(module, own_weights(module, names=[name]))


@pytest.mark.parametrize(
    "build", [OWN["nested residual"], FOREIGN["group norm"], FOREIGN["attention"]]
)
def test_the_module_keeps_its_own_parameters(build):
    module = make(build)
    before = dict(module.named_parameters())
    copies = {name: weight.detach().clone() for name, weight in before.items()}
    apply_per_task(module, own_weights(module), rows())
    after = dict(module.named_parameters())
    assert all(after[name] is before[name] for name in before)
    assert all(torch.equal(after[name], copies[name]) for name in copies)


@pytest.mark.parametrize(
    "build", [OWN["residual"], OWN["image network"], FOREIGN["group norm"]]
)
def test_second_derivatives_equal_those_of_a_loop(build):
    module, X = make(build), rows()
    own = own_weights(module)

    def curvature(outputs):
        first = torch.autograd.grad(
            outputs.square().sum(), list(own.values()), create_graph=True
        )
        total = sum(each.square().sum() for each in first)
        return torch.autograd.grad(total, list(own.values()))

    for got, expected in zip(
        curvature(apply_per_task(module, own, X)),
        curvature(loop_over_tasks(module, own, X)),
        strict=True,
    ):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(layers.Linear(N_FEATURES, 4), nn.Dropout(0.5)),
        lambda: nn.Sequential(nn.Linear(N_FEATURES, 4), nn.Dropout(0.5)),
    ],
    ids=["own", "foreign"],
)
def test_dropout_acts_in_training_only_and_differs_from_task_to_task(build):
    module = make(build)
    own = {name: w.expand(N_TASKS, *w.shape) for name, w in module.named_parameters()}
    X = rows()[:1].expand(N_TASKS, -1, -1)

    assert torch.equal(apply_per_task(module, own, X), apply_per_task(module, own, X))

    module.train()
    dropped = apply_per_task(module, own, X)
    assert (dropped == 0).any()
    assert not torch.equal(dropped, apply_per_task(module, own, X))
    assert not torch.equal(dropped[0], dropped[1])


@pytest.mark.parametrize("layer", [nn.BatchNorm1d, nn.SyncBatchNorm])
def test_batch_normalisation_per_task_is_refused_by_name(layer):
    module = nn.Sequential(nn.Linear(N_FEATURES, 4), layer(4)).double()
    with pytest.raises(ValueError, match=r"'1' \(\w*BatchNorm.*LayerNorm"):
        apply_per_task(module, own_weights(module), rows())


@pytest.mark.parametrize("kind", [*OWN, *FOREIGN])
def test_shared_weights_treat_every_row_alike(kind):
    module, X = make((OWN | FOREIGN)[kind]), rows()
    expected = torch.stack([module(own) for own in X])
    torch.testing.assert_close(apply(module, X), expected, rtol=1e-12, atol=1e-12)


def test_padding_never_enters_batch_statistics():
    module = nn.Sequential(nn.Linear(N_FEATURES, 4), nn.BatchNorm1d(4)).double()
    X, mask = rows(), torch.rand(N_TASKS, N_ROWS) < 0.6
    expected = module(X[mask])
    for filler in (0.0, 1e6):
        output = apply(module, X.where(mask.unsqueeze(-1), filler), mask)
        torch.testing.assert_close(output[mask], expected)
        assert not output[~mask].any()
