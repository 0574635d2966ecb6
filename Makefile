# Everything from a fresh clone: needs Python and make, no more.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
OLDEST := .venv-oldest
PLUGINS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
BENCHMARKS := $(sort $(wildcard benchmarks/[!_]*.py))

.DELETE_ON_ERROR:
.PHONY: demo test lint bench oldest coverage docs docs-quick release-check clean

# Which films will a new viewer like, after ten ratings?
demo: $(READY)
	$(RUN) -m skmeta demo

# What must pass before a change is in: linters, then every test of ours and the plugins'.
# One thread per test process, or the processes fight for the cores.
test: lint
	@set -e; for plugin in $(PLUGINS); do \
		echo "== $$plugin"; (cd $$plugin && \
		OMP_NUM_THREADS=1 $(CURDIR)/$(RUN) -m pytest -q -n auto --maxprocesses 4 \
		--dist worksteal); \
	done
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --maxprocesses 4 --dist worksteal

# What reads the code and does not run it; a commit runs it too: .pre-commit-config.yaml.
lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy

# Every benchmark, one after another: hours.
bench: $(VENV)/.bench
	@set -e; for script in $(BENCHMARKS); do \
		echo "== $$script"; $(RUN) $$script; \
	done

# The fast tests with the oldest versions that pyproject.toml allows.
oldest: $(OLDEST)/.ready
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -q -n auto --maxprocesses 4 \
		-m "not slow"

# Which lines and branches the fast tests run: the total here, the lines in htmlcov/.
coverage: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(RUN) -m pytest -q -n auto --maxprocesses 4 -m "not slow" \
		--cov --cov-report=term --cov-report=html

# The site, examples run: docs/_build/html/index.html. A warning is an error.
docs: $(VENV)/.docs
	OMP_NUM_THREADS=1 $(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html
	OMP_NUM_THREADS=1 $(RUN) -m pytest -q --doctest-modules skmeta tests/test_readme.py \
		tests/test_site.py

# The same in a minute: without running the examples and their figures.
docs-quick: $(VENV)/.docs
	$(RUN) -m sphinx -W --keep-going -b html -D plot_gallery=0 docs docs/_build/quick

# Wheels and sdists, ours and the plugins', in fresh environments: docs/release.md.
release-check: $(READY)
	$(RUN) tools/release_check.py

$(READY): pyproject.toml $(PLUGINS:=/pyproject.toml) constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -c constraints.txt -e ".[demo,test]" $(PLUGINS:%=-e "%[test]")
	touch $@

# What skmeta is compared with is large, and nothing else needs it.
$(VENV)/.bench: $(READY)
	$(RUN) -m pip install -c constraints.txt -e ".[bench]"
	touch $@

# The hooks and coverage need more than the tests do.
$(VENV)/.dev: $(READY)
	$(RUN) -m pip install -c constraints.txt -e ".[dev]"
	touch $@

$(VENV)/.docs: $(READY)
	$(RUN) -m pip install -c constraints.txt -e ".[docs]"
	touch $@

# An environment that is there would keep what is newer.
$(OLDEST)/.ready: pyproject.toml constraints-oldest.txt
	rm -rf $(OLDEST)
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install -c constraints-oldest.txt -e ".[demo,test]"
	touch $@

# All that the targets above make.
clean:
	rm -rf $(VENV) $(OLDEST) build dist htmlcov .coverage .coverage.*
	rm -rf docs/_build docs/api docs/auto_examples docs/sg_execution_times.rst
	rm -rf .ruff_cache .mypy_cache .import_linter_cache skmeta-demo.png
	find . \( -name __pycache__ -o -name .pytest_cache -o -name .hypothesis \) \
		-prune -exec rm -rf {} + 2>/dev/null || true
