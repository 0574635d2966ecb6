"""FT-Transformer, of rtdl_revisiting_models."""

from rtdl_revisiting_models import FTTransformer as _Library
from torch import Tensor, nn

from skmeta.backbones import Backbone
from skmeta_tabular.rowwise import RowWise, require

__all__ = ["FTTransformer"]


class FTTransformer(Backbone):
    r"""Feature tokenizer and transformer (Gorishniy et al. 2021, section 3.3).

    Every number becomes a token, :math:`t_j = b_j + x_j w_j`; with a token [CLS] of
    their own they go through the blocks of a transformer, so that features meet each
    other in the attention. The embedding is
    :math:`\mathrm{relu}(\mathrm{norm}(\mathrm{CLS}))`, what the last linear layer of
    ``rtdl_revisiting_models.FTTransformer`` sees. All features are taken as numbers;
    encode categories as indicators.

    The bias of the attention's keys is fixed at 0, where it starts: it adds the same to
    all logits of a query and cancels in the softmax, so that nothing could teach it.

    The cost of a row grows with the square of the features, and a gradient-based
    algorithm differentiates all of it twice. Start with one or two blocks.

    Parameters
    ----------
    width : int, default=64
        Width of a token and of the embedding, a multiple of ``n_heads``; 192 in the
        library's default for three blocks.
    n_blocks : int, default=2
        Blocks of attention and feed-forward layer.
    n_heads : int, default=8
        Heads of the attention.
    hidden_factor : float, default=4/3
        Width inside a feed-forward layer (ReGLU), as a multiple of ``width``.
    attention_dropout : float, default=0.0
        Probability of dropping an attention weight in training; 0.2 in the library's
        default for three blocks.
    dropout : float, default=0.0
        Probability of dropping a unit inside a feed-forward layer.
    residual_dropout : float, default=0.0
        Probability of dropping a unit of what a layer adds.

    References
    ----------
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko. Revisiting deep learning models
    for tabular data. NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from skmeta_tabular import FTTransformer
    >>> network = FTTransformer(width=16, n_heads=4).build(n_features=3)
    >>> network(torch.zeros(5, 10, 3)).shape  # five tasks of ten rows
    torch.Size([5, 10, 16])
    """

    def __init__(
        self,
        width: int = 64,
        n_blocks: int = 2,
        n_heads: int = 8,
        hidden_factor: float = 4 / 3,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
        residual_dropout: float = 0.0,
    ):
        self.width = width
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.hidden_factor = hidden_factor
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.residual_dropout = residual_dropout

    def build(self, n_features: int) -> nn.Module:
        """Make the network; ``out_features`` is ``width``.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        """
        self._validate()
        network = _Library(
            n_cont_features=n_features,
            cat_cardinalities=[],
            d_out=1,
            n_blocks=self.n_blocks,
            d_block=self.width,
            attention_n_heads=self.n_heads,
            attention_dropout=self.attention_dropout,
            ffn_d_hidden=max(1, round(self.hidden_factor * self.width)),
            ffn_d_hidden_multiplier=None,
            ffn_dropout=self.dropout,
            residual_dropout=self.residual_dropout,
        )
        network.backbone.output.linear = nn.Identity()  # the learner has its own head
        for block in network.backbone.blocks:
            block["attention"].W_k.bias.requires_grad_(False)
        return RowWise(_NumbersOnly(network), self.width)

    def _validate(self) -> None:
        require(
            "a positive whole number",
            width=self.width,
            n_blocks=self.n_blocks,
            n_heads=self.n_heads,
        )
        require("a positive number", hidden_factor=self.hidden_factor)
        require(
            "a probability in [0, 1)",
            attention_dropout=self.attention_dropout,
            dropout=self.dropout,
            residual_dropout=self.residual_dropout,
        )
        if self.width % self.n_heads:
            raise ValueError(
                f"width must be a multiple of n_heads, and {self.width} is none of "
                f"{self.n_heads}."
            )


class _NumbersOnly(nn.Module):
    """The transformer without categories."""

    def __init__(self, transformer: nn.Module):
        super().__init__()
        self.transformer = transformer

    def forward(self, X: Tensor) -> Tensor:
        return self.transformer(X, None)
