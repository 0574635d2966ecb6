"""The README's code runs as it stands."""

import re
from pathlib import Path

import pytest
import sklearn

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.slow
def test_the_examples_run_and_meta_learning_helps(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 2
    scope = {}
    with sklearn.config_context():
        for block in blocks:
            exec(compile(block, str(README), "exec"), scope)
    accuracy = float(capsys.readouterr().out.split()[0])
    films = scope["films"]
    assert accuracy > max(films.y_test.mean(), 1 - films.y_test.mean()) + 0.05
    assert len(scope["likes"]) == scope["own"].sum() - 10
    assert len(scope["answers"]) == (~scope["few"]).sum()


def test_nothing_is_left_to_be_filled_in():
    prose = re.sub(r"```.*?```", "", README.read_text(), flags=re.DOTALL)
    assert not re.findall(r"\b[A-Z]+_[A-Z]+\b|TODO|\bXXX\b", prose)


def test_pictures_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text()):
        assert (README.parent / path).is_file()
