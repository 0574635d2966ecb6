"""What runs before a commit is what `make lint` runs."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def test_the_hooks_run_what_make_lint_runs_and_download_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    [repository] = config["repos"]
    assert repository["repo"] == "local"
    [hook] = repository["hooks"]
    assert (hook["entry"], hook["language"]) == ("make lint", "system")
    # make takes the names of files for targets, and a linter reads all of them anyway.
    assert not hook["pass_filenames"]
    assert hook["always_run"]
