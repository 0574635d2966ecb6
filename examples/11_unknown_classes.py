"""
Rows of classes that nobody has named
=====================================

A learner that knows two classes answers one of them to whatever comes: a new kind of
fault, another animal, a digit that was not shown. ``reject=`` lets it say that it does
not know. What strange rows look like is learnt from training classes that are left out.
"""

# %%
# Six digits to learn from. ``reject=0.95`` is to keep 95 % of the rows of known
# classes; ``fit`` trains four more learners for it, without some of the digits each.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from skmeta import MetaClassifier
from skmeta.backbones import OrientedGradients

X, y = load_digits(return_X_y=True)
X = X / 16
old, known, strange = [0, 1, 2, 4, 5, 7], [3, 6], [8, 9]
meta = MetaClassifier(
    "protonet",
    OrientedGradients((8, 8), smoothing=0.8, stride=2),
    normalize=None,
    tasks="classes",
    reject=0.95,
    max_epochs=10,
    tasks_per_epoch=128,
    random_state=0,
)
train = np.isin(y, old)
meta.fit(X[train], y[train])

# %%
# The digits 3 and 6 are new to it and learnt from five rows each. Then 8 and 9 come,
# which nobody has told it of. ``predict`` answers -1 to what it rejects.

few = np.concatenate([np.flatnonzero(y == digit)[:5] for digit in known])
new = np.setdiff1d(np.flatnonzero(np.isin(y, known + strange)), few)
meta.adapt(X[few], y[few])
is_strange = np.isin(y[new], strange)
for share in (0.95, 0.9):  # it may be another one after the fit
    rejected = meta.set_params(reject=share).predict(X[new]) == -1
    kept, caught = np.mean(~rejected[~is_strange]), np.mean(rejected[is_strange])
    print(f"reject={share}: {kept:.1%} of the known rows kept, {caught:.1%} caught")
print(f"a row a thousand units away: {meta.predict(X[new[:1]] + 1000)[0]}")

# %%
# ``unknown_score`` is the share of rows of known classes that look less unknown. It
# tells the two kinds apart far better than the probabilities, which are sure of
# anything. A distance from the nearest prototype tells as much in such an embedding,
# but not which distance is too far.

scores = meta.unknown_score(X[new])
rivals = {
    "unknown_score": scores,
    "highest probability": -meta.predict_proba(X[new]).max(axis=1),
    "nearest prototype": meta.distances(X[new]).min(axis=1),
}
for name, values in rivals.items():
    print(f"AUC of {name}: {roc_auc_score(is_strange, values):.3f}")

# %%
# How the scores lie, and the rows that look strangest of all.

figure = plt.figure(figsize=(9, 4), layout="constrained")
left, right = figure.subfigures(1, 2)
axes = left.subplots()
bins = np.linspace(0, 1, 21)
axes.hist(scores[~is_strange], bins, alpha=0.6, density=True, label="3 and 6, known")
axes.hist(scores[is_strange], bins, alpha=0.6, density=True, label="8 and 9, unknown")
axes.axvline(0.95, color="0.3", ls=":", label="rejected from here on")
axes.set(xlabel="unknown_score", ylabel="density")
axes.legend()
right.suptitle("the strangest rows", fontsize=10)
for cell, row in zip(right.subplots(3, 4).flat, np.argsort(-scores)[:12], strict=True):
    cell.imshow(X[new[row]].reshape(8, 8), cmap="gray_r")
    cell.set_title(y[new[row]], fontsize=9)
    cell.axis("off")
plt.show()
