"""The ResNet for tables against its library and its equation."""

import rtdl_revisiting_models
import torch
from library import X, give_weights
from skmeta_tabular import TabularResNet


def test_resnet_is_the_librarys_before_its_last_layer():
    library = rtdl_revisiting_models.ResNet(
        d_in=4,
        d_out=2,
        n_blocks=2,
        d_block=8,
        d_hidden_multiplier=2.0,
        dropout1=0.0,
        dropout2=0.0,
    )
    backbone = TabularResNet(width=8, n_blocks=2, norm="batch")
    network = backbone.build(4)
    give_weights(library, network.network)
    ours = library.output.linear(network(X))  # in training mode: statistics of X
    torch.testing.assert_close(ours, library(X))
    torch.testing.assert_close(
        library.eval().output.linear(network.eval()(X)), library(X)
    )


def test_resnet_with_layer_norm_is_its_equation():
    network = TabularResNet(width=8, n_blocks=2).build(4)
    resnet = network.network

    def normalise(x):
        centred = x - x.mean(dim=1, keepdim=True)
        return centred / (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()

    x = resnet.input_projection(X)
    for block in resnet.blocks:
        x = x + block.linear2(block.linear1(normalise(x)).relu())
    torch.testing.assert_close(network(X), normalise(x).relu())
