"""The engine: meta-training by skorch, and learners adapted to many tasks at once."""

from skmeta.engine.adapted import AdaptedTasks, Learner
from skmeta.engine.net import EpisodicNet
from skmeta.engine.training import make_net, meta_train

__all__ = ["AdaptedTasks", "EpisodicNet", "Learner", "make_net", "meta_train"]
