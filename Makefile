# Set up, run, test. Needs Python 3.11+ and make; the rest is made here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test test-cluster lint audit bench bench-cluster

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

demo: $(READY)
	$(BIN)/leaverwatch demo $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not cluster"

# With real servers, which it starts and stops itself: needs Java 17, Maven and openssl.
test-cluster: $(READY)
	$(BIN)/python -m deploy.dev_cluster run $(BIN)/python -m pytest -n 2 --dist worksteal -m cluster

# Asks the package index for known flaws of every package in the lock: needs the internet. The one that is left out is
# of diskcache, which pySigma asks for and nothing here loads (tests/deploy/test_known_flaws.py, docs/security.md).
audit: $(READY)
	$(BIN)/pip-audit --requirement requirements.lock --disable-pip --require-hashes --strict --ignore-vuln GHSA-w8v5-vhqr-4h9v

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-cluster: $(READY)
	$(BIN)/python -m deploy.dev_cluster run $(BIN)/python -m benchmarks.cluster $(ARGS)
