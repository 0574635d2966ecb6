"""The HTML repr of estimators says what they have learnt."""

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline

from skmeta import FewShotClassifier, MetaClassifier, MetaRegressor


@pytest.fixture(scope="module")
def meta(wine):
    X, y, groups = wine
    names = np.array([f"<b>{group}</b>" for group in groups])
    meta = MetaClassifier("protonet", max_epochs=2, random_state=0, batch_size=8)
    return meta.fit(X, y, groups=names), X, y, names


def test_before_fit_there_is_only_the_diagram():
    html = MetaClassifier()._repr_html_()
    assert "MetaClassifier" in html
    assert "What it has learnt" not in html


def test_after_fit_the_facts_follow(meta):
    learner, X, y, names = meta
    html = learner._repr_html_()
    assert "shared: a label means the same in every task" in html
    assert "10 tasks" in html
    assert "13 features" in html
    best = min(learner.history_[:, "valid_loss"])
    assert f"loss {best:.4g}, epoch" in html
    assert "none: call adapt(X, y)" in html
    learner.adapt(X, y, groups=names)
    bundle = learner._repr_mimebundle_()
    assert bundle["text/html"].count("What it has learnt") == 1
    assert "10 of groups &lt;b&gt;0&lt;/b&gt;" in bundle["text/html"]
    assert "<b>0" not in bundle["text/html"]
    assert "classes 0, 1, 2" in bundle["text/html"]
    learner.adapt(X[:5], y[:5])
    assert "one, without a name" in learner._repr_html_()


def test_ordinary_few_shot_estimators_show_what_they_go_by(meta):
    learner, X, y, _ = meta
    assert "10 tasks" in FewShotClassifier(learner).fit(X[:9], y[:9])._repr_html_()


def test_a_pipeline_still_has_its_diagram(meta):
    assert "MetaClassifier" in make_pipeline(meta[0])._repr_html_()


def test_tables_count_their_rows_and_classes(digits, diabetes):
    X, y = digits
    meta = MetaClassifier("protonet", tasks="classes", max_epochs=1).fit(X, y)
    assert "10 classes of one table" in meta._repr_html_()
    assert "per_task" in meta._repr_html_()
    X, y, _ = diabetes
    meta = MetaRegressor("maml", tasks="table", max_epochs=1, tasks_per_epoch=32).fit(
        X, y
    )
    assert "442 rows of one table" in meta._repr_html_()
    assert "label space" not in meta._repr_html_()


def test_text_displays_stay_text(meta):
    with sklearn.config_context(display="text"):
        assert list(meta[0]._repr_mimebundle_()) == ["text/plain"]
