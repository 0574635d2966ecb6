"""What the kernel learner ``gp`` is made of.

| file | what |
| --- | --- |
| ``kernel.py`` | the mean and the covariance of rows, with all that is meta-learnt |
| ``support.py`` | rows that a task is learnt from |
| ``scale.py`` | how much rows deviate, whose targets grow by factors |
| ``exact.py`` | learning from a support of a few hundred rows |
| ``inducing.py`` | learning from more of them, by a few hundred rows in their place |
| ``deformed.py`` | learning from labelled rows and unlabelled ones, by their graph |
| ``posterior.py`` | what a task has learnt, whichever way |
"""

from skmeta.algorithms.gaussian.deformed import Deformation, adapt_deformed
from skmeta.algorithms.gaussian.exact import adapt_exactly
from skmeta.algorithms.gaussian.inducing import adapt_large
from skmeta.algorithms.gaussian.kernel import Kernel, KernelLearner
from skmeta.algorithms.gaussian.posterior import Posterior
from skmeta.algorithms.gaussian.scale import RowScale
from skmeta.algorithms.gaussian.support import Support

__all__ = [
    "Deformation",
    "Kernel",
    "KernelLearner",
    "Posterior",
    "RowScale",
    "Support",
    "adapt_deformed",
    "adapt_exactly",
    "adapt_large",
]
