"""Episodes: support and query rows of many tasks, drawn by array arithmetic.

An episode is a handful of row numbers drawn from the spans of a table, for all tasks of
an epoch at once and without a Python loop over tasks, classes or rows.
"""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.episodes.episode import Batch, Episode
    from skmeta.episodes.meta_batches import Episodes
    from skmeta.episodes.sampler import EpisodeSampler
    from skmeta.episodes.spec import Spec
    from skmeta.episodes.table import Table

__all__ = ["Batch", "Episode", "EpisodeSampler", "Episodes", "Spec", "Table"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "episode": ["Batch", "Episode"],
        "meta_batches": ["Episodes"],
        "sampler": ["EpisodeSampler"],
        "spec": ["Spec"],
        "table": ["Table"],
    },
)
