"""TabM against its library."""

import pytest
import tabm
import torch
from library import X, give_weights
from skmeta_tabular import TabM


@pytest.mark.parametrize("architecture", ["tabm", "tabm-mini", "tabm-packed"])
def test_tabm_with_a_head_is_the_mean_of_the_librarys_members(architecture):
    k, width = 3, 8
    scaling = None if architecture == "tabm-packed" else "random-signs"
    library = tabm.TabM.make(
        n_num_features=4,
        d_out=2,
        k=k,
        d_block=width,
        n_blocks=2,
        arch_type=architecture,
        start_scaling_init=scaling,
        dropout=0.0,
    )
    network = TabM(k=k, width=width, n_blocks=2, architecture=architecture).build(4)
    give_weights(library, network.network)
    mean = library(X).mean(dim=1)
    # The heads of the members, as one head on what they have side by side.
    heads = library.output.weight.flatten(0, 1) / k**0.5
    bias = library.output.bias.mean(dim=0)
    torch.testing.assert_close(network(X) @ heads + bias, mean)

    narrow = TabM(k, width, 2, architecture=architecture, combine="mean").build(4)
    narrow.network.load_state_dict(network.network.state_dict())
    parts = network(X).unflatten(1, (k, width)) * k**0.5
    torch.testing.assert_close(narrow(X), parts.mean(dim=1))
