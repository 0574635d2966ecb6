"""
Reading the report
==================

``python -m skmeta evaluate`` takes a table, learns from some of its tasks, judges on
the others, and writes one HTML file. This is the same from Python, and how to read it.
"""

# %%
# Viewers and films again, as a table on disk: a row is a rating, a task is a viewer. A
# shell would say ::
#
#     python -m skmeta evaluate films.csv --target like --groups viewer
#         --shots 2 5 10 --algorithms protonet maml --max-epochs 5
#         --plain mean "pooled linear" "mixed linear"

import joblib
import matplotlib.pyplot as plt

import skmeta
from skmeta.datasets import load_movielens
from skmeta.evaluation import evaluate, read_table

films = load_movielens()
table = films.X_train.assign(like=films.y_train, viewer=films.groups_train)
some = films.groups_train.unique()[:120]
table[table["viewer"].isin(some)].to_csv("films.csv", index=False)

result = evaluate(
    "films.csv",
    target="like",
    groups="viewer",
    shots=[2, 5, 10],
    algorithms=["protonet", "maml"],
    plain=["mean", "pooled linear", "mixed linear"],
    max_epochs=5,
    out="report",
)

# %%
# Read the headline first. It says whether the meta-learner is ahead of the plain way by
# more than chance, for the middle number of rows seen, and by how much. Which
# meta-learner and which plain way was decided before, on viewers to learn from.

print(result.choice.scores.round(3).to_string())
print(result.verdict.headline)
duel = result.verdict.duel
print(f"{duel.meta} against {duel.plain}: {duel.gain:+.3f} ± {duel.half_width:.3f}")
print(f"ahead on {duel.n_won} of {len(duel.tasks)} viewers, p = {duel.p_value:.2g}")

# %%
# The others are there to look at. With so many, one may be ahead by luck, so their
# p-values are corrected, and they never make the verdict.

print(result.others.round(3).to_string(index=False))

# %%
# Then the curves: one may win with two rows and another with ten. The intervals are
# over tasks, and wide where tasks differ much; since all learners meet the same rows,
# the gain per task says more than two intervals that overlap.

print(result.curve.round(3).to_string(index=False))
for duel in result.verdict.duels:
    print(f"{duel.shots} rows: {duel.meta} {duel.gain:+.3f} on {duel.plain}")

# %%
# Then the tasks on which it loses, which a mean hides. A few lose by chance, with few
# rows to judge on; if those with many rows do, something about them is different.

worst = duel.gains.argsort()[:3]
for task, gain in zip(duel.tasks[worst], duel.gains[worst], strict=True):
    print(f"viewer {task}: {gain:+.3f}")

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.hist(duel.gains, bins=21)
ax.axvline(0, color="0.4")
ax.set(xlabel=f"gain of {duel.meta} on {duel.plain}", ylabel="viewers")
plt.show()

# %%
# The model that was saved takes the columns of the table and learns a viewer whom
# nobody has met, from ten ratings.

model = joblib.load(result.saved)
new = films.groups_test == films.groups_test.iloc[0]
X, y = films.X_test[new], films.y_test[new].to_numpy()
answers = skmeta.adapt(model, X[:10], y[:10]).predict(X[10:])
share = (answers == y[10:]).mean()
print(f"{result.recommended}: right on {share:.0%} of {len(answers)} films")

# %%
# The report holds the code to repeat all this, which ends where the command began.

print(read_table("films.csv").shape, "->", "report/report.html")
