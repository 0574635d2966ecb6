"""Conv4: the network of the papers, whatever the algorithm and the size of images."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from skmeta import MetaClassifier
from skmeta.algorithms import ANIL, MAML, Spec
from skmeta.backbones import Conv4
from skmeta.episodes import Batch, Episode
from skmeta.nn import apply
from skmeta.testing import check_algorithm, parametrize_with_checks

SHAPE, N_CLASSES = (2, 5, 6), 3


def make(backbone, n_features=60):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return backbone.build(n_features).double()


def in_torchs_own_layers(network):
    """Build the network anew from torch.nn, with the same weights."""
    layers = []
    for layer in network:
        kind = type(layer).__name__
        if kind == "Images":
            plain = nn.Unflatten(-1, layer.image_shape)
        elif kind == "Conv2d":
            bias = layer.bias is not None
            plain = nn.Conv2d(
                layer.in_channels, layer.out_channels, 3, padding=1, bias=bias
            )
        elif kind == "MaxPool2d":
            plain = nn.MaxPool2d(layer.kernel_size, ceil_mode=layer.ceil_mode)
        elif kind == "GroupNorm":
            plain = nn.GroupNorm(layer.num_groups, layer.num_channels)
        else:
            plain = {
                "BatchNorm2d": lambda: nn.BatchNorm2d(8),
                "ReLU": nn.ReLU,
                "Flatten": nn.Flatten,
            }[kind]()
        plain.load_state_dict(layer.state_dict())
        layers.append(plain.double())
    return nn.Sequential(*layers)


def draw_batch(n_rows, generator, n_tasks=3):
    X = torch.randn(n_tasks, n_rows, 60, generator=generator, dtype=torch.float64)
    y = torch.arange(n_rows).expand(n_tasks, n_rows) % N_CLASSES
    n_classes = torch.full((n_tasks,), N_CLASSES)
    return Batch(X, y, torch.ones(n_tasks, n_rows, dtype=torch.bool), n_classes)


@pytest.fixture
def episode():
    generator = torch.Generator().manual_seed(0)
    return Episode(draw_batch(6, generator), draw_batch(7, generator))


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    ("shape", "channels", "dropped", "kept"),
    [
        ((28, 28), 64, 64, 4 * 64),
        ((3, 84, 84), 32, 25 * 32, 36 * 32),
        ((8, 8), 16, 16, 16),
        ((1, 1), 4, 4, 4),
        ((1, 20), 4, 4, 2 * 4),
        ((2, 7, 5), (4, 6), 6, 4 * 6),
    ],
)
def test_out_features_is_the_size_of_the_last_maps(
    shape, channels, dropped, kept, ceil_mode
):
    n_features = int(np.prod(shape))
    network = Conv4(shape, channels, ceil_mode=ceil_mode).build(n_features)
    assert network.out_features == (kept if ceil_mode else dropped)
    embedded = apply(network, torch.zeros(2, 3, n_features))
    assert embedded.shape == (2, 3, network.out_features)


def test_a_block_convolves_pools_normalises_and_rectifies():
    network = Conv4((8, 8), channels=(16, 64)).build(64)
    block = ["Conv2d", "MaxPool2d", "GroupNorm", "ReLU"]
    assert [type(layer).__name__ for layer in network] == [
        "Images",
        *block,
        *block,
        "Flatten",
    ]
    assert [p.num_groups for p in network if isinstance(p, nn.GroupNorm)] == [4, 8]


@pytest.mark.parametrize("norm", ["group", "layer", "batch", None])
def test_the_embedding_is_that_of_torchs_own_layers(norm, episode):
    network = make(Conv4(SHAPE, channels=8, norm=norm))
    plain = in_torchs_own_layers(network)
    X = episode.support.X
    for training in (True, False):
        expected = plain.train(training)(X.flatten(0, 1)).unflatten(0, X.shape[:2])
        torch.testing.assert_close(apply(network.train(training), X), expected)


@pytest.mark.parametrize("norm", ["group", "layer", None])
@pytest.mark.parametrize("algorithm", [MAML, ANIL])
def test_the_meta_gradient_is_that_of_a_loop_over_tasks(algorithm, norm, episode):
    algorithm = algorithm(0.01, inner_steps=2, learn_inner_lr=False)
    spec = Spec(60, N_CLASSES, "classifier", "shared")
    module = make_learner(algorithm, Conv4(SHAPE, channels=8, norm=norm), spec)
    loss = algorithm.meta_backward(module, episode)

    head_only = algorithm.adapt_only == "head"
    network = module.trunk if head_only else module.tip.backbone
    body = in_torchs_own_layers(network)
    head = nn.Linear(body(episode.support.X[0]).shape[1], N_CLASSES).double()
    head.load_state_dict(module.tip.head.state_dict())
    learner = nn.Sequential(body, head)
    expected = torch.stack(
        [
            loss_after_learning(learner, algorithm, head_only, *task)
            for task in zip(*episode.support[:2], *episode.query[:2], strict=True)
        ]
    ).mean()
    expected.backward()

    torch.testing.assert_close(loss, expected.detach())
    mine = [*network.parameters(), *module.tip.head.parameters()]
    for weight, other in zip(mine, learner.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, rtol=1e-8, atol=1e-10)


def make_learner(algorithm, backbone, spec):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return algorithm.build(backbone, spec).double()


def loss_after_learning(learner, algorithm, head_only, X, y, X_query, y_query):
    weights = dict(learner.named_parameters())
    adapted = [name for name in weights if name.startswith("1.") or not head_only]
    for _ in range(algorithm.inner_steps):
        loss = cross_entropy(functional_call(learner, weights, (X,)), y)
        gradients = torch.autograd.grad(
            loss, [weights[name] for name in adapted], create_graph=True
        )
        for name, gradient in zip(adapted, gradients, strict=True):
            weights[name] = weights[name] - algorithm.inner_lr * gradient
    return cross_entropy(functional_call(learner, weights, (X_query,)), y_query)


@pytest.mark.parametrize("algorithm", ["maml", "protonet"])
def test_algorithms_keep_their_laws_on_images(algorithm):
    check_algorithm(algorithm, backbone=Conv4((1, 3), channels=(4, 8)))


def test_batch_normalisation_is_for_metric_based_algorithms(digits):
    X, y = digits[0][:200], digits[1][:200]
    backbone = Conv4((8, 8), channels=8, norm="batch")
    options = {"tasks": "classes", "max_epochs": 1, "tasks_per_epoch": 16}
    MetaClassifier("protonet", backbone, **options).fit(X, y)
    with pytest.raises(ValueError, match=r"BatchNorm2d.*GroupNorm"):
        MetaClassifier("maml", backbone, **options).fit(X, y)


def test_few_images_go_through_at_once_where_nothing_is_learnt():
    network = Conv4((8, 8), channels=64).build(64).eval()
    network.at_once = 10
    seen = []
    network[1].register_forward_hook(lambda *call: seen.append(len(call[2])))
    with torch.no_grad():
        in_pieces = network(torch.randn(95, 64))
    assert len(in_pieces) == sum(seen) == 95
    assert max(seen) <= 10


def test_a_predict_of_many_images_takes_little_memory_at_once():
    # Maps of the first block of all 16384 rows that a chunk may have: 3.3 GB.
    assert Conv4((28, 28), channels=64).build(784).at_once * 784 * 64 * 4 <= 2**24


def test_bfloat16_embeds_nearly_the_same(episode):
    X = episode.support.X.float()
    exact, rounded = (
        make(Conv4(SHAPE, channels=8, precision=precision)).float()(X)
        for precision in ("float32", "bfloat16")
    )
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    assert torch.cosine_similarity(rounded, exact, dim=-1).min() > 0.99


def test_a_network_comes_back_from_a_pickle(episode):
    network = make(Conv4(SHAPE, channels=8))
    again = pickle.loads(pickle.dumps(network))
    assert torch.equal(again(episode.support.X), network(episode.support.X))
    assert again.out_features == network.out_features


def test_clone_keeps_the_hyperparameters():
    backbone = Conv4((3, 9, 9), (4, 8), norm=None, ceil_mode=False)
    assert clone(backbone).get_params() == backbone.get_params()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"image_shape=\(28, 28\) makes 784.*there are 64.*such as \(8, 8\)"),
        ({"image_shape": (7, 9)}, r"makes 63 features of a row, and there are 64"),
        ({"image_shape": 8}, r"image_shape must be \(height, width\).*not 8"),
        ({"image_shape": (64,)}, r"image_shape must be \(height, width\)"),
        ({"image_shape": (8.0, 8.0)}, r"image_shape must be \(height, width\)"),
        ({"image_shape": (8, 8), "channels": 0}, "channels must be a positive int"),
        ({"image_shape": (8, 8), "channels": ()}, "channels must be a positive int"),
        ({"image_shape": (8, 8), "norm": "instance"}, "norm must be 'group', 'batch'"),
        ({"image_shape": (8, 8), "precision": "half"}, "precision must be 'float32'"),
    ],
)
def test_conv4_refuses_what_does_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        Conv4(**options).build(64)


def test_images_that_do_not_fit_are_told_by_fit(digits):
    X, y = digits
    meta = MetaClassifier("protonet", Conv4(), tasks="classes", max_epochs=1)
    with pytest.raises(ValueError, match=r"such as \(8, 8\)"):
        meta.fit(X, y)


def test_conv4_learns_to_tell_classes_apart(digits):
    X, y = digits
    meta = MetaClassifier(
        "protonet",
        Conv4((8, 8)),
        tasks="classes",
        n_query=5,
        max_epochs=4,
        tasks_per_epoch=64,
        early_stopping=False,
        random_state=0,
    ).fit(X[:600], y[:600])
    support, query = slice(600, 700), slice(700, None)
    meta.adapt(X[support], y[support])
    assert meta.score(X[query], y[query]) > 0.75


@parametrize_with_checks(
    "backbone",
    [
        Conv4(image_shape=(4, 4), channels=(4, 4)),
        Conv4(image_shape=(4, 4), channels=(4,), norm="layer"),
    ],
)
def test_the_laws_hold_with_other_settings(backbone, check):
    check(backbone)
