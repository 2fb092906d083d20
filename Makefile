# The whole set-up is `make demo` or `make test`: each makes .venv, installs with pip, and runs.
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo
WEIGHTS ?= weights

.PHONY: install demo test check bench weights docs clean

# Made once, so that the Python of the first command is that of all; pip comes last into it.
$(BIN)/pip:
	$(PYTHON) -m venv .venv

.venv/.base: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --editable .
	@touch $@

.venv/.dev: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --editable ".[dev]"
	@touch $@ .venv/.base

.venv/.docs: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --editable ".[docs]"
	@touch $@

install: .venv/.base

demo: .venv/.base
	$(BIN)/triptych demo --output $(DEMO) --overwrite

test: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder -m "not slow" -q

bench: .venv/.dev
	$(BIN)/python benchmarks/core.py
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/peers.py $(PEERS)
	$(BIN)/python benchmarks/loader.py
	$(BIN)/python benchmarks/scaling.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/export.py

# Hours: see docs/models.md. Goes on where it was stopped.
weights: .venv/.base
	$(BIN)/python benchmarks/weights.py --output $(WEIGHTS)

docs: .venv/.docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv site demo .pytest_cache .mypy_cache .ruff_cache
