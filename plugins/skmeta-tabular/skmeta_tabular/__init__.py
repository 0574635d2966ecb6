"""Networks for tables, as backbones for skmeta.

Once the package is installed, ``MetaClassifier(backbone="ft_transformer")`` works, and
so do ``"tabular_resnet"``, ``"tabm"`` and ``"num_embedding"``. The classes are the same
with their hyperparameters.
"""

from typing import Any

from skmeta import hookimpl

__all__ = ["FTTransformer", "NumEmbedding", "TabM", "TabularResNet", "compute_bins"]


# The version of skmeta's plugin API that this was written for.
skmeta_api_version = (1, 0)


@hookimpl
def skmeta_backbones() -> dict[str, type]:
    """Offer the networks."""
    from skmeta_tabular import backbones

    return {
        "tabular_resnet": backbones.TabularResNet,
        "ft_transformer": backbones.FTTransformer,
        "num_embedding": backbones.NumEmbedding,
        "tabm": backbones.TabM,
    }


def __getattr__(name: str) -> Any:
    # Who looks an algorithm up needs none of the libraries behind the networks.
    if name in __all__:
        from skmeta_tabular import backbones

        return getattr(backbones, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
