"""
Calibrated few-shot probabilities
=================================

A probability is worth more than a label if it can be trusted: of all films said to be
liked with 70 %, seven of ten should be. How far off is a meta-learner on new viewers,
and what does calibration mend?
"""

# %%
# ``few_shot_scorer`` takes any scikit-learn metric; log-loss and the Brier score punish
# a probability that is sure and wrong.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import StratifiedKFold

from skmeta import FewShotClassifier, MetaClassifier
from skmeta.datasets import load_movielens
from skmeta.model_selection import few_shot_scorer

films = load_movielens()
meta = MetaClassifier("simpleshot", n_shot=20, max_epochs=5, random_state=0)
meta.fit(films.X_train, films.y_train, groups=films.groups_train)
for metric in ["neg_log_loss", "neg_brier_score"]:
    scorer = few_shot_scorer(metric, n_shot=20)
    score = scorer(meta, films.X_test, films.y_test, groups=films.groups_test)
    print(f"{metric}: {score:.3f}")

# %%
# ``FewShotClassifier`` is an ordinary classifier whose ``fit`` learns one viewer, so
# ``CalibratedClassifierCV`` takes it. A viewer's 40 ratings serve for both: each fold
# is learnt from some and calibrated on the others.

few_shot = FewShotClassifier(meta)
calibrated = CalibratedClassifierCV(
    few_shot, cv=StratifiedKFold(4, shuffle=True, random_state=0), method="sigmoid"
)
truth, answers = [], {"as it is": [], "calibrated": []}
for viewer in films.groups_test.unique()[:50]:
    own = films.groups_test == viewer
    X, y = films.X_test[own], films.y_test[own]
    if len(y) < 60 or not 4 <= y[:40].sum() <= 36:
        continue  # too few of a kind for four folds
    truth.append(y[40:])
    for name, model in {"as it is": few_shot, "calibrated": calibrated}.items():
        answers[name].append(model.fit(X[:40], y[:40]).predict_proba(X[40:])[:, 1])

# %%
# The reliability diagram: on the diagonal, probabilities are what they say.

truth = np.concatenate(truth)
figure, axes = plt.subplots(layout="constrained")
axes.plot([0, 1], [0, 1], ":", color="0.5")
for name, parts in answers.items():
    likes = np.concatenate(parts)
    brier = brier_score_loss(truth, likes)
    print(f"{name}: Brier score {brier:.3f}")
    share, said = calibration_curve(truth, likes, n_bins=8, strategy="quantile")
    axes.plot(said, share, "o-", label=f"{name} (Brier score {brier:.3f})")
axes.set(xlabel="probability said", ylabel="share of films liked")
axes.legend()
plt.show()
