"""The FT-Transformer against its library."""

import pytest
import rtdl_revisiting_models
import torch
from library import X, give_weights
from skmeta_tabular import FTTransformer


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_ft_transformer_is_the_librarys_before_its_last_layer(n_blocks):
    library = rtdl_revisiting_models.FTTransformer(
        n_cont_features=4,
        cat_cardinalities=[],
        d_out=2,
        n_blocks=n_blocks,
        d_block=12,
        attention_n_heads=4,
        attention_dropout=0.0,
        ffn_d_hidden_multiplier=4 / 3,
        ffn_dropout=0.0,
        residual_dropout=0.0,
    )
    network = FTTransformer(width=12, n_blocks=n_blocks, n_heads=4).build(4)
    give_weights(library, network.network.transformer)
    ours = library.backbone.output.linear(network(X))
    torch.testing.assert_close(ours, library(X, None))


def test_no_weight_is_frozen_but_the_bias_of_keys_which_has_no_part():
    network = FTTransformer(width=12, n_heads=4).build(4)
    frozen = [k for k, p in network.named_parameters() if not p.requires_grad]
    assert [name.rpartition(".W_k.")[2] for name in frozen] == ["bias", "bias"]
    before = network(X)
    for name in frozen:
        assert not network.get_parameter(name).any()
        network.get_parameter(name).data.normal_()
    torch.testing.assert_close(network(X), before)
