"""Layers for images: torch's own, for all tasks at once and without copies."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from skmeta.nn import (
    Conv2d,
    Flatten,
    GroupNorm,
    Images,
    Linear,
    MaxPool2d,
    Pieces,
    apply,
    apply_per_task,
)
from skmeta.nn.images import _interleave, _stack

N_TASKS, N_ROWS = 3, 4
SHAPE = (4, 6, 5)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def normal(*shape, generator):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_images_are_the_rows_in_the_order_of_the_axes(generator):
    X = normal(N_TASKS, N_ROWS, 120, generator=generator)
    images = Images(SHAPE)(X)
    assert torch.equal(images, X.view(N_TASKS, N_ROWS, *SHAPE))
    assert torch.equal(Flatten()(images), X)


LAYERS = {
    "convolution": lambda: Conv2d(4, 8, 3, padding=1),
    "strided convolution": lambda: Conv2d(4, 3, (2, 3), stride=2, dilation=(2, 1)),
    "group norm": lambda: GroupNorm(2, 4),
}


@pytest.mark.parametrize("names", [["weight"], ["bias"], ["weight", "bias"]], ids=str)
@pytest.mark.parametrize("kind", LAYERS)
def test_each_parameter_may_be_shared_or_differ_from_task_to_task(
    kind, names, generator
):
    layer = LAYERS[kind]().double()
    X = normal(N_TASKS, N_ROWS, *SHAPE, generator=generator).requires_grad_()
    own = {
        name: normal(N_TASKS, *weight.shape, generator=generator).requires_grad_()
        for name, weight in layer.named_parameters()
        if name in names
    }
    outputs = apply_per_task(layer, own, X)
    expected = torch.stack(
        [
            functional_call(layer, {k: w[task] for k, w in own.items()}, (X[task],))
            for task in range(N_TASKS)
        ]
    )
    torch.testing.assert_close(outputs, expected)
    inputs = [X, *own.values()]
    for got, wanted in zip(
        torch.autograd.grad(outputs.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted)


def is_view(images, X):
    return images.data_ptr() == X.data_ptr() and images.is_contiguous(
        memory_format=torch.channels_last
    )


@pytest.mark.parametrize("n_channels", [1, 4])
def test_from_layer_to_layer_nothing_is_copied(n_channels, generator):
    layers = [Conv2d(n_channels, 8, 3), MaxPool2d(2), GroupNorm(2, 8), nn.ReLU()]
    X = torch.randn(N_TASKS, N_ROWS, n_channels * 64, generator=generator)
    shared = own = Images((n_channels, 8, 8))(X)
    for layer in layers:
        shared = apply(layer, shared)
        assert is_view(_stack(shared), shared)
        weights = layer.named_parameters()
        own = apply_per_task(
            layer, {k: w.expand(N_TASKS, *w.shape) for k, w in weights}, own
        )
        assert is_view(_interleave(own), own)
    torch.testing.assert_close(shared, own)


@pytest.mark.parametrize("kind", LAYERS)
def test_tasks_without_rows_are_taken(kind):
    layer, X = LAYERS[kind](), torch.zeros(N_TASKS, 0, *SHAPE)
    own = {k: w.expand(N_TASKS, *w.shape) for k, w in layer.named_parameters()}
    assert apply(layer, X).shape == apply_per_task(layer, own, X).shape
    assert apply(layer, X).shape[:2] == (N_TASKS, 0)


@pytest.mark.parametrize("options", [{"groups": 2}, {"padding_mode": "reflect"}])
def test_conv2d_refuses_what_it_does_not_know(options):
    with pytest.raises(ValueError, match="groups=1 and padding_mode='zeros' only"):
        Conv2d(4, 4, 3, **options)


class CountsRows(nn.Module):
    carries_task_axis = True

    def __init__(self, count):
        super().__init__()
        self.count = count

    def forward(self, X):
        self.count(X.shape[:-1].numel())
        return X


@pytest.mark.parametrize("per_task", [False, True])
@pytest.mark.parametrize("at_once", [1, 5, 12, 100])
def test_answers_come_in_pieces_and_are_those_of_the_whole(
    at_once, per_task, generator
):
    layer, counts = Linear(6, 2).double(), []
    network = Pieces(layer, CountsRows(counts.append), at_once=at_once).eval()
    X = normal(N_TASKS, N_ROWS, 6, generator=generator)
    own = {f"0.{k}": w.expand(N_TASKS, *w.shape) for k, w in layer.named_parameters()}
    with torch.no_grad():
        answer = apply_per_task(network, own, X) if per_task else apply(network, X)
        torch.testing.assert_close(answer, layer(X))
    # A row of each task is the least that goes through at once.
    assert max(counts) <= max(at_once, N_TASKS)
    assert sum(counts) == N_TASKS * N_ROWS


@pytest.mark.parametrize("training", [False, True])
def test_in_training_and_with_a_gradient_to_take_rows_stay_together(
    training, generator
):
    counts = []
    network = Pieces(Linear(6, 2), CountsRows(counts.append), at_once=1).double()
    with torch.set_grad_enabled(not training):
        network.train(training)(normal(N_TASKS, N_ROWS, 6, generator=generator))
    assert counts == [N_TASKS * N_ROWS]


def test_bfloat16_is_used_inside_and_rounds(generator):
    layer = Linear(6, 2)
    X = torch.randn(N_TASKS, N_ROWS, 6, generator=generator)
    outputs = Pieces(layer, bfloat16=True)(X)
    assert outputs.dtype == torch.float32
    assert torch.equal(outputs, outputs.bfloat16().float())
    torch.testing.assert_close(outputs, layer(X), rtol=0.05, atol=0.05)
