# Set-up, checks and the two jobs: `make` lists the targets.
# ARGS goes to the command behind a target, e.g. make test ARGS="-k intervals".

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
UV_VERSION := 0.13.9

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use
.PHONY: profile report
profile: $(INSTALLED) ## Record the forward passes in every mode into traces/
	$(BIN)/profiling record --out traces $(ARGS)

report: $(INSTALLED) ## Write reports/ from traces/ and print the summary
	$(BIN)/analyze report traces/ --hta $(ARGS)

##@ Develop
.PHONY: test lint check format bench bench-fleet fuzz lock
# The tests start hundreds of processes: each would compile the package anew where the
# environment keeps Python from writing bytecode.
test: $(INSTALLED) ## Run the whole test suite
	$(BIN)/python -m compileall -q analysis profiling
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 $(ARGS)

lint: $(INSTALLED) ## Check format, lint, types and import rules
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## Run both

format: $(INSTALLED) ## Format the code and apply the safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(INSTALLED) ## Time us against HTA and against bare decoding
	$(BIN)/python -m tests.benchmarks.bench $(ARGS)

bench-fleet: $(INSTALLED) ## Time one process and several on the ranks of large jobs (20 minutes)
	$(BIN)/python -m tests.benchmarks.fleet $(ARGS)

fuzz: $(INSTALLED) ## Break small traces in 20,000 ways; only our own errors may come out
	$(BIN)/python -m tests.fuzz.fuzz $(ARGS)

# The build of torch that a machine gets names its own CUDA packages, or none.
lock: ## Resolve requirements.lock, pins kept (ARGS=--upgrade: newest)
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet uv==$(UV_VERSION)
	build/lock/bin/uv pip compile pyproject.toml --all-extras --group dev \
		--universal --python-version 3.11 --annotation-style line \
		--custom-compile-command "make lock" --quiet --output-file requirements.lock $(ARGS)
	grep -Ev '^(cuda-|nvidia-|triton)' requirements.lock > build/requirements.lock
	mv build/requirements.lock requirements.lock

##@ Tidy
.PHONY: clean distclean
# A recording has a manifest; other traces that someone put there stay.
clean: ## Remove recordings, reports, builds and caches; keep traces/examples/
	for manifest in traces/*.manifest.json traces/sweep/*/*.manifest.json; do \
		rm -f "$$manifest" "$${manifest%.manifest.json}".pt.trace.json.gz \
			"$${manifest%.manifest.json}".graph.json.gz; \
	done
	rm -f traces/*.run.json traces/sweep/*/*.run.json traces/sweep/sweep.run.json
	rmdir traces/sweep/*/ traces/sweep 2> /dev/null || true
	rm -rf reports build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find analysis profiling tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment too
	rm -rf $(VENV)

.PHONY: help
help: ## Show this list
	@echo "make TARGET [ARGS='...' for the command behind it] [PYTHON=python3.12]"
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || { \
		echo "$(PYTHON) is no Python 3.11 to 3.14. Name one, for example: make PYTHON=python3.12" >&2; \
		exit 1; }
	@echo "Installing into $(VENV): minutes the first time, torch being large"
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --requirement requirements.lock
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
