"""``python -m skmeta new-plugin``: one source, and names put in its place."""

import ast
import sys
from pathlib import Path

import pytest

from skmeta.__main__ import main
from skmeta.commands import new_plugin

TEMPLATE = Path(__file__).parents[2] / "plugins" / "skmeta-template"


def texts(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in (".py", ".md", ".toml") and "cache" not in str(path)
    }


def test_the_name_template_gives_the_package_that_is_in_this_repository(tmp_path):
    written = texts(new_plugin.write("template", tmp_path))
    assert written == texts(TEMPLATE)
    assert len(written) == 7


def test_every_part_of_the_package_has_the_new_name(tmp_path, capsys):
    assert main(["new-plugin", "my-lab", "--out", str(tmp_path)]) == 0
    assert f"cd {tmp_path / 'skmeta-my-lab'}\n" in capsys.readouterr().out
    written = texts(tmp_path / "skmeta-my-lab")
    assert {"skmeta_my_lab/__init__.py", "tests/test_my_lab.py"} <= written.keys()
    assert 'name = "skmeta-my-lab"' in written["pyproject.toml"]
    assert 'my-lab = "skmeta_my_lab"' in written["pyproject.toml"]
    assert 'return {"my-lab-net": MyLabNet}' in written["skmeta_my_lab/__init__.py"]
    for path, text in written.items():
        assert "template" not in text.lower(), path
        if path.endswith(".py"):
            ast.parse(text)


@pytest.mark.parametrize("given", ["acme", "skmeta-acme", "ACME", "skmeta_acme"])
def test_the_name_may_be_spelt_in_several_ways(tmp_path, given):
    assert new_plugin.write(given, tmp_path).name == "skmeta-acme"


@pytest.mark.parametrize(
    "given", ["", "skmeta-", "2b", "a b", "a/b", "a--b", "..", "é"]
)
def test_what_is_no_name_is_refused(tmp_path, capsys, given):
    assert main(["new-plugin", given, "--out", str(tmp_path)]) == 1
    assert "such as acme or my-lab" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_the_name_of_a_built_in_is_refused(tmp_path, capsys):
    assert main(["new-plugin", "protonet", "--out", str(tmp_path)]) == 1
    assert "skmeta has the algorithm 'protonet' itself" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    folder = tmp_path / "skmeta-acme"
    folder.mkdir()
    folder.joinpath("work.py").write_text("months = 12")
    assert main(["new-plugin", "acme", "--out", str(tmp_path)]) == 1
    assert "is there already; nothing was written" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["work.py"]


def test_a_built_in_may_be_no_reason_to_import_a_plugin(install, tmp_path):
    module = install("acme-lazy", "raise RuntimeError('imported')")
    new_plugin.write("acme", tmp_path / "out")
    assert module not in sys.modules
