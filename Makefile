# Every target bootstraps .venv on a machine that has only Python >= 3.11.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
EDITABLE := -e '.[server]' $(patsubst %/pyproject.toml,-e %,$(wildcard plugins/*/pyproject.toml))
CODE := fabro_core plugins tests benchmarks docs examples
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
DOCUMENTATION := $(VENV)/.documentation
BARE := $(VENV)/bare
MINIMUM := $(VENV)/minimum
FUZZ := $(VENV)/fuzz
AUDIT := $(VENV)/audit

# On two cores, each test on the stores that make a difference to it.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
STORES := (every_store or not other_store)

INSTALLING := $(VENV)/.installing

# What is wrong with the environment, if there is one: then it is made anew. It needs its own packages, and pip until
# make has installed something.
SOUND := import os, sysconfig; os.listdir(sysconfig.get_path("purelib"))$(if $(wildcard $(RUNTIME)),,; import pip)
BROKEN :=
ifneq ($(wildcard $(VENV)),)
ifneq ($(wildcard $(INSTALLING)),)
BROKEN := an installation was broken off
else ifneq ($(shell $(BIN)/python -c '$(SOUND)' >/dev/null 2>&1 || echo fails),)
BROKEN := its Python does not work
endif
endif
ifneq ($(BROKEN),)
.PHONY: $(BIN)/python $(RUNTIME) $(DEVELOPMENT) $(DOCUMENTATION)
endif

.DEFAULT_GOAL := help
.PHONY: help install serve test test-slow test-versions test-bare test-minimum fuzz audit long lint types lock docs reference browser \
	proxies bench bench-smoke soak clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 16

install: $(RUNTIME)  ## Put the fabro command with all first-party plugins into .venv/bin

serve: $(RUNTIME)  ## Initialise if needed and serve in the foreground (BIND=127.0.0.1:3000 for TCP)
	$(BIN)/fabro server start --foreground $(if $(BIND),--bind $(BIND))

test: $(DEVELOPMENT)  ## Run the tests that are not slow (ARGS="-n 0 -x tests/cli" for others)
	$(PYTEST) -m "not slow and $(STORES)" $(ARGS)

test-slow: $(DEVELOPMENT)  ## Run the slow tests: growth, crashes, moves, guides, packages, mutants of stores
	$(PYTEST) -m "slow and $(STORES)" $(ARGS)

browser: $(DEVELOPMENT)  ## Test the pages in Chromium, which apt-get installs if it is missing
	command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; }
	$(BIN)/python -m pytest -q tests/browser $(ARGS)

proxies: $(DEVELOPMENT)  ## Test behind nginx and Caddy, set up as the guides say; apt-get installs what is missing
	{ PATH="$$PATH:/usr/sbin" command -v nginx && command -v caddy; } >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx caddy; }
	$(BIN)/python -m pytest -q tests/proxies $(ARGS)

soak: $(DEVELOPMENT)  ## Two minutes of load on three servers that are killed one after the other
	FABRO_SOAK_SECONDS=120 $(BIN)/python -m pytest -q -s tests/soak $(ARGS)

test-versions: $(DEVELOPMENT)  ## Test with the other Pythons of the machine, without what is slow, and show the coverage
	$(BIN)/python -m tests.compat.versions $(ARGS)

test-bare: $(DEVELOPMENT)  ## Test the core as embedding programs get it, without plugins and what only a server process needs
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(BARE)
	$(BIN)/uv pip install --quiet --python $(BARE)/bin/python -e . anyio pytest hypothesis
	$(BARE)/bin/python -m pytest -q tests/compat/bare.py tests/store/test_memory.py tests/store/test_wakeups.py

test-minimum: $(DEVELOPMENT)  ## Test with the oldest dependencies that are admitted, in an environment of its own
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(MINIMUM)
	$(BIN)/uv pip install --quiet --python $(MINIMUM)/bin/python --resolution lowest-direct $(EDITABLE) --group dev
	$(MINIMUM)/bin/python -m pytest -q -n 2 -m "not slow and not other_store" tests/store/test_memory.py tests/plugins/store_sqlite/test_sqlite.py tests/config \
		tests/platform/test_claims.py tests/platform/test_host.py tests/api/test_contract.py tests/api/test_create_run.py tests/api/test_discovery.py \
		tests/api/test_run_operations.py tests/server/test_request_heads.py tests/server/test_deadlines.py

fuzz: $(DEVELOPMENT)  ## Two minutes of made-up requests to a real server, judged by its own document
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(FUZZ)
	$(BIN)/uv pip install --quiet --python $(FUZZ)/bin/python --group fuzz
	$(BIN)/python -m tests.fuzz $(ARGS)

audit: $(DEVELOPMENT)  ## Look up what is locked among the known vulnerabilities, where their list can be reached
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(AUDIT)
	$(BIN)/uv pip install --quiet --python $(AUDIT)/bin/python --group audit
	$(BIN)/python -m tests.compat.audit

long: $(DEVELOPMENT)  ## What takes too long for every change: all tests with all Pythons, every mutant, ten minutes of made-up requests, and twenty of load
	FABRO_MUTANTS=all $(BIN)/python -m pytest -q tests/testing/test_store_kit.py tests/auth/test_auth_kit.py
	$(BIN)/python -m tests.compat.versions --slow -- --hypothesis-profile=searching
	$(MAKE) fuzz ARGS="--seconds 600"
	FABRO_SOAK_SECONDS=1200 $(BIN)/python -m pytest -q -s tests/soak

lint: $(DEVELOPMENT)  ## Check style and formatting
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(DEVELOPMENT)  ## Check types
	$(BIN)/mypy
	$(BIN)/mypy examples

lock: $(DEVELOPMENT)  ## Check that uv.lock has what the projects ask for
	$(BIN)/uv lock --check

docs: $(DOCUMENTATION)  ## Build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

reference: $(DEVELOPMENT)  ## Rewrite the pages of docs/reference that are made from the code
	$(BIN)/python -m docs.generate

bench: $(DEVELOPMENT)  ## Measure, as ratios against a limit measured in the same run
	$(BIN)/python -m benchmarks

bench-smoke: $(DEVELOPMENT)  ## Run the benchmarks small, to see that they work
	$(BIN)/python -m benchmarks --smoke

clean:  ## Remove the virtual environment and everything generated
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .coverage .hypothesis benchmarks/data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- the environment: each step says what it does, and one that was broken off is made good ------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "Making an environment in $(VENV)$(if $(BROKEN), anew: $(BROKEN))"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip

$(RUNTIME): $(PROJECTS) | $(BIN)/python
	@echo "Installing fabro and its plugins into $(VENV)"
	@$(call installed,$(EDITABLE))
	@touch $@

$(DEVELOPMENT): $(PROJECTS) | $(BIN)/python
	@echo "Installing fabro, its plugins and what tests and checks need into $(VENV)"
	@$(call installed,$(EDITABLE) --group dev)
	@touch $@ $(RUNTIME)

$(DOCUMENTATION): pyproject.toml | $(BIN)/python
	@echo "Installing what the documentation site needs into $(VENV)"
	@$(call installed,--group docs)
	@touch $@

# pip cannot go on where it was killed; what it says has failed, it has taken back.
define installed
touch $(INSTALLING); \
$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null; \
$(BIN)/python -m pip install --quiet $(1); \
status=$$?; rm -f $(INSTALLING); exit $$status
endef
