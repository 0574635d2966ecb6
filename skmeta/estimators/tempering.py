"""How far the rows of a task are believed: a temperature, learnt in meta-training."""

import numpy as np

from skmeta.engine.temperature import learn_temperature
from skmeta.episodes.sampler import EpisodeSampler
from skmeta.estimators.unlabelled import UnlabelledEstimator

__all__ = ["TemperingEstimator"]


class TemperingEstimator(UnlabelledEstimator):
    """A meta-learner whose algorithm may learn a temperature."""

    def _learn_temperature(
        self,
        train: EpisodeSampler,
        valid: EpisodeSampler | None,
        rng: np.random.Generator,
    ) -> None:
        """Learn how far new tasks are believed, if the algorithm can be told.

        By the tasks held out to stop by, if there are any, else by those of the
        training. After Ctrl-C, here or in the training, it is 1.
        """
        self.temperature_ = None
        algorithm = self.algorithm_
        learns = algorithm.learns_temperature and algorithm.temperature == "auto"
        if not learns or self._kind != "regressor" or self.net_.is_interrupted:
            return
        try:
            found = learn_temperature(
                algorithm,
                self.module_,
                valid or train,
                scaling=self._task_scaling(),
                spec=self.spec_,
                device=self.device,
                rng=rng,
            )
        except KeyboardInterrupt:  # what is trained stays
            self.net_.is_interrupted = True
            return
        self.temperature_ = found if self.spec_.n_targets > 1 else found[0]
