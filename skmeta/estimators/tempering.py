"""How far the rows of a task are believed: a temperature, learnt in meta-training."""

import numpy as np

from skmeta.engine.temperature import learn_temperature
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.estimators.unlabelled import UnlabelledEstimator

__all__ = ["TemperingEstimator"]


# Tasks that it takes to judge: the fewer, the more is as good but for chance.
_FEWEST = 10


class TemperingEstimator(UnlabelledEstimator):
    """A meta-learner that may learn a temperature.

    The higher it is, the less the rows of a new task move the answers from what the
    training tasks have taught.
    """

    def _learn_temperature(
        self,
        train: EpisodeSampler,
        valid: EpisodeSampler | None,
        rng: np.random.Generator,
    ) -> None:
        """Learn how far new tasks are believed, if the algorithm can be told.

        By the tasks held out to stop by, where they are enough, else by those of the
        training. After Ctrl-C, here or in the training, there is none.
        """
        self.temperature_ = None
        judges = [each for each in (valid, train) if each and each.n_tasks_ >= _FEWEST]
        if not judges or not self._tempers() or self.net_.is_interrupted:
            return
        try:
            found = learn_temperature(
                self.algorithm_,
                self.module_,
                judges[0],
                scaling=self._task_scaling(),
                spec=self.spec_,
                device=self.device,
                rng=rng,
            )
        except KeyboardInterrupt:  # what is trained stays
            self.net_.is_interrupted = True
            return
        self.temperature_ = found if self.spec_.n_targets > 1 else found[0]

    def _tempers(self) -> bool:
        """Tell whether a temperature is to be learnt."""
        if self._kind != "regressor" or self.tasks != "groups":
            return False
        # A subclass may not have taken the parameter over.
        given = self.algorithm_.get_params(deep=False).get("temperature")
        return self.algorithm_.learns_temperature and given == "auto"
