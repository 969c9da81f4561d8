# Everything to begin with: `make demo`, then `make test`. Plain pip, one virtual environment.

PYTHON   ?= python3
VENV     ?= .venv
# Not `?=`: many systems export LANGUAGE for their own purposes.
LANGUAGE := de
# Processes that share the tests; `make test PROCESSES=0` runs them one after the other in one.
PROCESSES ?= logical
BIN      := $(VENV)/bin
STAMP    := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo up test test-postgresql check storm format lint types imports install clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## Move an English model to German over HTTP; LANGUAGE=hi for Hindi, KEEP=FOLDER keeps its files
	@$(BIN)/babelport demo "$(LANGUAGE)" $(if $(KEEP),--keep "$(KEEP)")

up: $(STAMP) ## Start the API and a worker on http://127.0.0.1:8000 until Ctrl-C
	@$(BIN)/babelport up

test: $(STAMP) ## Run the whole test suite; it needs no network and no GPU
	$(BIN)/pytest -n $(PROCESSES) --maxprocesses 8 --dist loadscope

test-postgresql: export BABELPORT_TEST_DATABASE := postgresql
test-postgresql: test ## The same with PostgreSQL also where one database would do

check: $(STAMP) lint types imports test ## Everything that must pass: format, lint, types, imports, tests

storm: $(STAMP) ## Kill everything at random under 200 transfers, on both databases (about 20 minutes)
	$(BIN)/python -m benchmarks.storm

format: $(STAMP) ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP) ## Check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP) ## Check types
	$(BIN)/mypy

imports: $(STAMP) ## Check that imports between layers go down only
	$(BIN)/lint-imports

install: $(STAMP) ## Make the virtual environment and install into it

$(STAMP): pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Babelport needs Python 3.11 or newer: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check \
		"torch>=2.10,<2.14" -e ".[demo,dev,openvino,postgresql]"
	@touch $@

clean: ## Remove the environment, caches and the starter encoder; models and data in var/ stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		var/starter var/demo
	find app tests benchmarks examples migrations -name __pycache__ -prune -exec rm -rf {} +
