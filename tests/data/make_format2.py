"""How the files of format 2 beside this were made; run it for no other format.

Their priors are linear: how boosting is kept moves with the versions of scikit-learn.
"""

import json
from pathlib import Path

from skmeta import FewShotRegressor, MetaClassifier, MetaRegressor
from skmeta.algorithms import GP
from skmeta.backbones import MLP
from tests.data.make_format1 import diabetes, wine

HERE = Path(__file__).parent
QUICK = {"max_epochs": 2, "tasks_per_epoch": 32, "n_query": 5, "random_state": 0}


def main():
    X, y, groups = wine()
    classifier = MetaClassifier(
        GP(width=4), MLP((8,)), prior="linear", label_space="shared", **QUICK
    )
    classifier.fit(X, y, groups=groups).adapt(X[::4], y[::4], groups=groups[::4])
    classifier.save(HERE / "format2_classifier.skmeta")
    X_r, y_r, groups_r = diabetes()
    meta = MetaRegressor(GP(width=4), MLP((8,)), prior="linear", **QUICK)
    meta.fit(X_r, y_r, groups=groups_r)
    meta.adapt(X_r[:90], y_r[:90], groups=groups_r[:90])
    few_shot = FewShotRegressor(meta).fit(X_r[:20], y_r[:20])
    few_shot.save(HERE / "format2_regressor.skmeta")
    values, std = meta.predict(X_r, groups=groups_r, return_std=True)
    expected = {
        "proba": classifier.predict_proba(X[::4], groups=groups[::4])[::6].tolist(),
        "of_groups": values[::16].tolist(),
        "std_of_groups": std[::16].tolist(),
        "few_shot": few_shot.predict(X_r)[::16].tolist(),
    }
    (HERE / "format2.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
