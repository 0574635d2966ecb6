"""
Learning from rows that nobody has labelled
===========================================

Five digits are new, and one drawing of each has a label. Hundreds of others have none:
what are they worth?
"""

# %%
# A meta-learner learns from the other five digits. At the end of ``fit`` it tries on
# digits that it has left out how much rows without labels help.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skmeta import MetaClassifier

X, y = load_digits(return_X_y=True)
old = y < 5
meta = MetaClassifier("protonet", tasks="classes", max_epochs=10, random_state=0)
meta.fit(X[old], y[old])
print("weight, and share of the graph:", meta.unlabelled_)

# %%
# A missing target marks a row without a label. More and more of them come beside the
# same labelled rows; the others are asked.

rng = np.random.default_rng(0)
rows = rng.permutation(np.flatnonzero(~old))
query, pool = rows[:300], rows[300:]
first = np.array([pool[y[pool] == digit][0] for digit in range(5, 10)])
others = np.setdiff1d(pool, first)
numbers = [0, 20, 50, 100, 200, len(others)]
scores = []
for n in numbers:
    labels = [*y[first], *[None] * n]
    meta.adapt(X[np.concatenate([first, others[:n]])], labels)
    scores.append(meta.score(X[query], y[query]))
    print(f"{n} unlabelled rows: {scores[-1]:.3f} are right")

# %%
# A few say little of how drawings lie together, some hundred say it.

fig, ax = plt.subplots()
ax.plot(numbers, scores, marker="o")
ax.set(
    xlabel="unlabelled rows beside one label of each digit",
    ylabel="accuracy on other rows",
)
fig.tight_layout()
plt.show()
