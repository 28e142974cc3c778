# Bojagi's front door. `make help` lists what can be done; each target prepares what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
ARGS ?=
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock"

# Every extra but `sdv`, which brings 5 GB: its tests and benches prepare an environment of their own.
EXTRAS := hsm fleet objects postgresql mysql kafka redis agent local-llm synthetic federated

PYTEST = $(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup run ui test test-all test-llm check lint types bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo "  ARGS=\"…\" is handed on, for example: make run ARGS=\"--engine spark\""

setup: $(VENV)/.dev ## create .venv with everything for development

run: $(VENV)/.run ## unify the Complete Journey year into checked Delta tables (first run makes its input)
	@$(BIN)/bojagi run $(ARGS)

ui: $(VENV)/.run ## serve Dagster's UI with the runs in it, on this machine only
	@$(BIN)/bojagi ui $(ARGS)

test: $(VENV)/.dev ## run the fast tests on all cores: minutes, and nothing but Python is needed
	@$(PYTEST) -m "not slow and not spark and not browser" $(ARGS)

test-all: $(VENV)/.dev ## run all tests (what is missing on this machine is skipped, with the reason)
	@$(PYTEST) --durations=20 --reruns 1 -rR $(ARGS)

test-llm: $(VENV)/.dev ## check an OpenAI-compatible server: URL=http://gpu:8000/v1 MODEL=… KEY_FILE=…; without a URL the local model
	@LLM_URL="$(URL)" LLM_MODEL="$(MODEL)" LLM_KEY_FILE="$(KEY_FILE)" $(PYTEST) -n 0 -m slow tests/agent_serving/llm/test_contract.py

lint: $(VENV)/.dev ## ruff, import rules, contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/deptry -o /dev/null pipelines agent_serving federated features installation privacy
	@$(BIN)/bojagi contracts check --quiet

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

check: lint types test-all ## exactly what CI runs

bench: $(VENV)/.dev ## measure every claim and print the ratios
	@$(BIN)/python -m bench $(ARGS)

lock: $(VENV)/.uv ## resolve pyproject.toml anew into the two lock files (no download addresses in them)
	@$(COMPILE) pyproject.toml $(EXTRAS:%=--extra %) --group dev -o requirements-dev.txt
	@$(COMPILE) -c requirements-dev.txt pyproject.toml -o requirements.txt

clean: ## remove data, caches and results (the environment stays; remove .venv by hand)
	@rm -rf data bench/results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.venv/*' -type d -prune -exec rm -rf {} +

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Bojagi needs Python 3.11 or newer; '$(PYTHON)' is older. Name another: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# uv is much faster; pip knows mirrors that uv was not told of.
$(VENV)/.run: $(VENV)/.uv requirements.txt pyproject.toml
	@echo "Preparing $(VENV) (once; about a minute) …"
	@$(BIN)/uv pip install -q --compile-bytecode -r requirements.txt || $(BIN)/pip install -q --require-hashes -r requirements.txt
	@$(BIN)/uv pip install -q --no-deps -e . || $(BIN)/pip install -q --no-deps -e .
	@$(BIN)/python -m compileall -q pipelines agent_serving federated features installation privacy
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	@echo "Adding the development tools …"
	@$(BIN)/uv pip install -q --compile-bytecode -r requirements-dev.txt || $(BIN)/pip install -q --require-hashes -r requirements-dev.txt
	@touch $@
