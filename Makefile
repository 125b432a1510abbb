# FedPACS: `make demo`, `make test`, `make check`. Each makes .venv and installs what it needs.
#
#   PYTHON=python3.11   the interpreter to build .venv with (3.11 or 3.12)
#   VENV=.venv          where
#   PIP_ARGS=           more for pip, for example an index that holds the CPU build of torch
#   DEMO_ARGS=          for example "--rounds 4 --fresh"
#   PYTEST_ARGS=        for example "tests/unit/cli -k help"
#
# Nothing here needs root or apt; `fedpacs doctor` says what a machine lacks.

PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
DEMO_ARGS ?=
PYTEST_ARGS ?=

BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format docs clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

demo: $(VENV)/.product ## three hospitals on this machine, the whole road, a report to open
	$(BIN)/fedpacs demo $(DEMO_ARGS)

test: $(VENV)/.dev ## every test that this machine can run
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.dev ## format, lint, types and the floors of the architecture
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## format and fix what a machine can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/.dev ## write the generated pages of docs/reference again
	$(BIN)/python -m fedpacs.cli.document

clean: ## remove .venv
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || { \
	  echo "FedPACS needs Python 3.11 or 3.12, and $(PYTHON) is another one."; \
	  echo "next: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) cannot make a virtual environment."; \
	  echo "next: install its venv package (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first and by its exact version: a local CPU wheel of it then wins over the CUDA build
$(VENV)/.product: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	$(PIP) $(PIP_ARGS) -c $(CONSTRAINTS) "$$(grep '^torch==' $(CONSTRAINTS))"
	$(PIP) $(PIP_ARGS) -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.product
	$(PIP) $(PIP_ARGS) -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@
