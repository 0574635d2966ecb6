"""How the files of format 1 beside this were made; run it for no other format."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_wine

from skmeta import FewShotRegressor, MetaClassifier, MetaRegressor
from skmeta.algorithms import MAML, ProtoNet
from skmeta.backbones import MLP

HERE = Path(__file__).parent
QUICK = {"max_epochs": 3, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}


def wine():
    data = load_wine(as_frame=True)
    names = np.array(["barolo", "grignolino", "barbera"])
    groups = np.array(["Alba", "Asti", "Bra", "Neive"])[np.arange(len(data.target)) % 4]
    return data.data, names[data.target], groups


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y, pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(len(y)) % 9)


def main():
    X, y, groups = wine()
    classifier = MetaClassifier(
        ProtoNet(distance="euclidean"), MLP((8,)), label_space="shared", **QUICK
    )
    classifier.fit(X, y, groups=groups).adapt(X, y, groups=groups)
    classifier.save(HERE / "format1_classifier.skmeta")
    X_r, y_r, groups_r = diabetes()
    meta = MetaRegressor(MAML(inner_steps=2), MLP((8,)), **QUICK)
    meta.fit(X_r, y_r, groups=groups_r).adapt(X_r, y_r, groups=groups_r)
    few_shot = FewShotRegressor(meta).fit(X_r[:20], y_r[:20])
    few_shot.save(HERE / "format1_regressor.skmeta")
    expected = {
        "proba": classifier.predict_proba(X, groups=groups)[::6].tolist(),
        "classes": classifier.predict(X, groups=groups)[::6].tolist(),
        "of_groups": meta.predict(X_r, groups=groups_r)[::16].tolist(),
        "few_shot": few_shot.predict(X_r)[::16].tolist(),
    }
    (HERE / "format1.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
