# Every target prepares what it needs by itself; what is prepared already costs less than a second.
# PYTHON=/path/to/python chooses the Python, ARGS="..." is handed to what a target runs.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-fleet test test-fast check audit format generate bench bench-fleet faults lock clean

# In quotes, since a checkout may lie in a folder whose name has spaces.
venv := "$(CURDIR)/.venv"
python := $(venv)/bin/python
# The environment, active: Pulumi's language host takes its Python from it.
active := PATH=$(venv)"/bin:$$PATH" VIRTUAL_ENV=$(venv)
# Several processes, a file at a time: one process sets up what the tests of a file share.
parallel := --numprocesses=auto --dist=loadfile --no-loadscope-reorder

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Prepare this machine: Python packages, a Pulumi CLI, Keycloak
	@tools/bootstrap

demo: setup ## Set one tenant up in the sandbox, a local Entra and a local KZero, and check it
	@$(active) $(python) -m tools.demo

demo-fleet: setup ## Set up twenty tenants in the sandbox: a change, its comment, the merge, a drift, the page
	@$(active) $(python) -m tools.demo_fleet

test: ## Run all tests, several at once
	@tools/bootstrap --tests
	@$(active) $(python) -m pytest $(parallel) $(ARGS)

test-fast: ## Run the tests that need no Keycloak, no Pulumi CLI and no browser, in less than a minute
	@tools/bootstrap --python-only
	@$(python) -m pytest $(parallel) -m "not external" $(ARGS)

check: ## Lint, check the format, the types, the imports and the pipelines of gitops/
	@tools/bootstrap --python-only
	@$(venv)/bin/ruff check
	@$(venv)/bin/ruff format --check
	@$(venv)/bin/mypy
	@$(venv)/bin/lint-imports
	@$(python) -m tools.pipelines

audit: ## Look for known vulnerabilities, licences, unpinned packages, and secrets in tracked files
	@tools/bootstrap --python-only
	@$(python) -m tools.audit

format: ## Format the code, and mend what the linter can mend
	@tools/bootstrap --python-only
	@$(venv)/bin/ruff check --fix --exit-zero
	@$(venv)/bin/ruff format

generate: ## Write the generated files: SDK classes, settings, example comments, JSON schemas
	@tools/bootstrap --python-only
	@$(python) -m tools.sdk && $(python) -m tools.settings_reference
	@$(python) -m tools.comment_gallery && $(python) -m tools.run_schema

bench: setup ## Measure times and requests in the sandbox
	@$(active) $(python) -m bench.run $(ARGS)

bench-fleet: setup ## Measure many tenants at once beside a loop over them
	@$(active) $(python) -m bench.fleet $(ARGS)

faults: setup ## Break what can break while `pulumi up` runs, and see that a second one mends it
	@$(active) $(python) -m faults.run $(ARGS)

lock: ## Remake the lock files from pyproject.toml
	@tools/bootstrap --lock

clean: ## Stop the sandbox and remove what runs left; downloads and builds stay
	@if [ -x $(venv)/bin/kzero-scim ] && [ -d .sandbox ]; then $(venv)/bin/kzero-scim sandbox down; fi
	@rm -rf .sandbox .ruff_cache .mypy_cache .pytest_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
