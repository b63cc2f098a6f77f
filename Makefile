# Gemba. `make help` lists what there is.
SHELL := /bin/sh
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run demo demo-clean backup restore screenshots test bench chaos soak fuzz check audit format clean
DEMO ?= 1

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup: .venv/.synced ## Make the environment: uv by pip, everything else from the lock

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Gemba needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: $(UV) uv.lock pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml deploy/local/pyproject.toml)
	$(UV) sync --quiet --system-certs --frozen --all-packages --compile-bytecode --python $(PYTHON)
	@touch $@

run: setup ## Start the whole mesh on this machine, with the demo floor unless DEMO=0 (Ctrl-C stops it)
	@GEMBA_DEMO=$(DEMO) exec $(BIN)/python -m gemba_local

demo: setup ## Inspect a photograph in the running mesh and save the overlay
	@$(BIN)/python demo/first_inspection.py

demo-clean: setup ## Remove the demo floor from the running mesh
	@$(BIN)/python -m demo.floor --clean

screenshots: setup ## Take a picture of every page of the dashboard, light and dark
	$(BIN)/python -m tests.dashboard.screenshots

backup: setup ## Save the running mesh: make backup TO=folder
	@$(BIN)/python -m gemba_local --backup "$(TO)"

restore: setup ## Start a mesh from a backup, in an empty data folder: make restore FROM=folder
	@exec $(BIN)/python -m gemba_local --restore "$(FROM)"

test: setup ## Run every test against a real mesh
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup ## Run every benchmark and print one table of ratios (minutes; best on a quiet machine)
	@$(BIN)/python -m bench

chaos: setup ## Kill every part under load, then compare what was promised with what is stored (MINUTES=N)
	@$(BIN)/python -m bench.chaos $(if $(MINUTES),--minutes $(MINUTES))

soak: setup ## Watch every process's memory under mixed load for 20 minutes (MINUTES=N), warm-up before it
	@$(BIN)/python -m bench.soak $(if $(MINUTES),--minutes $(MINUTES))

check: setup ## Format, lint, types, import contracts, dependencies, deploy files, known holes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@for package in libs/* services/* deploy/local; do echo "deptry $$package"; (cd $$package && $(CURDIR)/$(BIN)/deptry src) || exit 1; done
	$(BIN)/pytest -q tests/deploy/test_kubernetes.py tests/deploy/test_compose.py tests/deploy/test_topology.py
	@$(MAKE) --no-print-directory audit

fuzz: setup ## Let schemathesis loose on a mesh of its own: make fuzz SECONDS=600
	@$(BIN)/python -m bench.fuzz --seconds $(or $(SECONDS),600)

audit: setup ## Ask for known holes of what is locked, where their database answers
	@$(UV) audit --quiet --frozen --system-certs; code=$$?; \
	if [ $$code -eq 2 ]; then echo "audit: the database of known holes does not answer; nothing was asked"; \
	else exit $$code; fi

format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the environment and caches (never the data folder)
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
