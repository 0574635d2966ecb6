# Everything from a fresh clone: needs Python and make, no more.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
PLUGINS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
BENCHMARKS := $(sort $(wildcard benchmarks/[!_]*.py))

.DELETE_ON_ERROR:
.PHONY: demo test lint bench clean

demo: $(READY)
	$(RUN) -m skmeta demo

# One thread per test process, or the processes fight for the cores.
test: lint
	@set -e; for plugin in $(PLUGINS); do \
		echo "== $$plugin"; (cd $$plugin && \
		OMP_NUM_THREADS=1 $(CURDIR)/$(RUN) -m pytest -q -n auto --maxprocesses 4); \
	done
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --maxprocesses 4

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy

bench: $(VENV)/.bench
	@set -e; for script in $(BENCHMARKS); do \
		echo "== $$script"; $(RUN) $$script; \
	done

$(READY): pyproject.toml $(PLUGINS:=/pyproject.toml) constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -c constraints.txt -e ".[demo,test]" $(PLUGINS:%=-e "%[test]")
	touch $@

# What skmeta is compared with is large, and nothing else needs it.
$(VENV)/.bench: $(READY)
	$(RUN) -m pip install -c constraints.txt -e ".[bench]"
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
	find skmeta tests benchmarks examples plugins -name __pycache__ \
		-prune -exec rm -rf {} + 2>/dev/null || true
