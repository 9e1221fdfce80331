# Every target prepares what it needs. If everything is ready, that takes less than a second.
# PYTHON=/path/to/python selects the Python. ARGS="..." is passed to the program that a target runs.

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-fleet test test-fast check audit format generate bench bench-fleet faults hostile lock clean

# Quoted, because the checkout's path may contain spaces.
venv := "$(CURDIR)/.venv"
python := $(venv)/bin/python
# Activates the environment, because Pulumi's language host uses the Python of the active one.
active := PATH=$(venv)"/bin:$$PATH" VIRTUAL_ENV=$(venv)
# Several processes, which get whole files, because the tests of a file share their set-up.
parallel := --numprocesses=auto --dist=loadfile --no-loadscope-reorder

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## Prepare this machine: Python packages, a Pulumi CLI, Keycloak
	@tools/bootstrap

demo: setup ## Set up one tenant in the sandbox (a local Entra and a local KZero) and check it
	@$(active) $(python) -m tools.demo

demo-fleet: setup ## Set up twenty tenants in the sandbox; show a change, its comment, the merge, drift, the page
	@$(active) $(python) -m tools.demo_fleet

test: ## Run all tests in parallel
	@tools/bootstrap --tests
	@$(active) $(python) -m pytest $(parallel) $(ARGS)

test-fast: ## Run the tests that need no Keycloak, Pulumi CLI or browser
	@tools/bootstrap --python-only
	@$(python) -m pytest $(parallel) -m "not external" --hypothesis-profile=fast $(ARGS)

check: ## Check lint, format, types, imports, and the pipelines of gitops/
	@tools/bootstrap --python-only
	@$(venv)/bin/ruff check
	@$(venv)/bin/ruff format --check
	@$(venv)/bin/mypy
	@$(venv)/bin/lint-imports
	@$(python) -m tools.pipelines

audit: ## Check packages for known vulnerabilities, licenses and pins, and tracked files for secrets
	@tools/bootstrap --python-only
	@$(python) -m tools.audit

format: ## Format the code and apply the linter's fixes
	@tools/bootstrap --python-only
	@$(venv)/bin/ruff check --fix --exit-zero
	@$(venv)/bin/ruff format

generate: ## Write the generated files: SDK classes, settings, example comments, JSON schemas
	@tools/bootstrap --python-only
	@$(python) -m tools.sdk && $(python) -m tools.settings_reference
	@$(python) -m tools.comment_gallery && $(python) -m tools.run_schema

bench: setup ## Measure times and requests in the sandbox
	@$(active) $(python) -m bench.run $(ARGS)

bench-fleet: setup ## Measure the fleet commands, compared with a loop over tenants
	@$(active) $(python) -m bench.fleet $(ARGS)

faults: setup ## Break what can break while `pulumi up` runs, and check that a second one repairs it
	@$(active) $(python) -m faults.run $(ARGS)

hostile: setup ## Attack one tenant of a fleet of four, and check that the attack gets nothing
	@$(active) $(python) -m hostile.run $(ARGS)

lock: ## Update the lock files from pyproject.toml
	@tools/bootstrap --lock

clean: ## Stop the sandbox and remove what runs left; keep downloads and builds
	@if [ -x $(venv)/bin/kzero-scim ] && [ -d .sandbox ]; then $(venv)/bin/kzero-scim sandbox down; fi
	@rm -rf .sandbox .ruff_cache .mypy_cache .pytest_cache .hypothesis .coverage
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
