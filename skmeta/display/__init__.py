"""Pictures of learning, in the manner of scikit-learn's Displays.

``XDisplay.from_estimator(...)`` or ``XDisplay.from_predictions(...)`` computes,
``.plot(ax=...)`` draws, and both return the display, whose attributes hold the data and
what was drawn. matplotlib is imported when something is drawn.
"""

from skmeta.display.adaptation import AdaptationDisplay
from skmeta.display.coverage import CoverageDisplay
from skmeta.display.curve import FewShotCurveDisplay
from skmeta.display.embedding import EmbeddingDisplay
from skmeta.display.tasks import TaskScoreDisplay
from skmeta.display.training import TrainingDisplay

__all__ = [
    "AdaptationDisplay",
    "CoverageDisplay",
    "EmbeddingDisplay",
    "FewShotCurveDisplay",
    "TaskScoreDisplay",
    "TrainingDisplay",
]
