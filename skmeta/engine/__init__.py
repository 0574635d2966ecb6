"""The engine: meta-training by skorch, and learners adapted to many tasks at once."""

from typing import TYPE_CHECKING

from skmeta.utils.lazily import offers

if TYPE_CHECKING:
    from skmeta.engine.adapted import AdaptedTasks, Learner
    from skmeta.engine.net import EpisodicNet
    from skmeta.engine.training import make_net, meta_train

__all__ = ["AdaptedTasks", "EpisodicNet", "Learner", "make_net", "meta_train"]

__getattr__, __dir__ = offers(
    __name__,
    {
        "adapted": ["AdaptedTasks", "Learner"],
        "net": ["EpisodicNet"],
        "training": ["make_net", "meta_train"],
    },
)
