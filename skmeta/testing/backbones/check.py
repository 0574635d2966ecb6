"""Check a backbone against the laws that every backbone keeps."""

from typing import Literal

from skmeta.backbones import Backbone
from skmeta.testing.backbones.laws import BACKBONE_LAWS
from skmeta.testing.run import LawResult, run_laws

__all__ = ["check_backbone"]


def check_backbone(
    backbone: Backbone | str,
    *,
    n_features: int | None = None,
    on_fail: Literal["raise"] | None = "raise",
    seed: int = 0,
) -> list[LawResult]:
    """Check that a backbone keeps every law, on generated data.

    Parameters
    ----------
    backbone : Backbone or str
        An instance, or a registered name.
    n_features : int, default=None
        Features of a row. None takes the first of a few widths, from 4 to those of
        images of 28 x 28 and more, for which it builds.
    on_fail : {"raise", None}, default="raise"
        "raise" stops at the first law that is broken; None tries them all and leaves
        the outcome to the caller.
    seed : int, default=0
        Decides the generated parameters and rows.

    Returns
    -------
    list of LawResult
        One for each law. The laws on weights of every task's own are skipped where
        batch normalisation rules them out.

    Raises
    ------
    BrokenLawError
        An AssertionError that names the law, what is wrong, the smallest case and a
        hint.
    TypeError
        If ``backbone`` is a class.

    Examples
    --------
    >>> from skmeta.backbones import MLP
    >>> from skmeta.testing import check_backbone
    >>> results = check_backbone(MLP(hidden=(8,)))
    >>> print(results[0])
    passed  output_has_out_features
    """
    return run_laws(BACKBONE_LAWS, backbone, on_fail, n_features=n_features, seed=seed)
