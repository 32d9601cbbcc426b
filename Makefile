# make run, make test: the two commands of the README. The rest is for developers.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?=
DATA_FLAG := $(if $(DATA),--data-dir $(DATA))
INSTALLED := $(VENV)/.installed
TESTABLE := $(VENV)/.testable

.PHONY: run test test-all check lint format bench bench-api bench-store bench-scale generate clean

run: $(INSTALLED)  ## a cluster with the first example, in the foreground
	@$(BIN)/hyperpy image build $(DATA_FLAG)
	@exec $(BIN)/hyperpy all $(DATA_FLAG) --apply examples/01-hello/

test: $(TESTABLE)  ## everything but the slow tests
	tests/with-system $(BIN)/pytest -m "not slow"

test-all: $(TESTABLE)  ## everything
	HYPERPY_FAULTS=all tests/with-system $(BIN)/pytest

check: lint test  ## what a change must pass

lint: $(TESTABLE)  ## style, layers, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(TESTABLE)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TESTABLE)  ## the figures of the README, measured on this machine
	tests/with-system $(BIN)/python benchmarks/cluster.py
	tests/with-system $(BIN)/python benchmarks/apiserver.py

bench-api: $(TESTABLE)  ## those of the API server; AGAINST="--against NAME=URL,TOKEN" puts another one beside it
	tests/with-system $(BIN)/python benchmarks/apiserver.py $(AGAINST)

bench-store: $(TESTABLE)  ## those of the store, beside Debian's etcd; LONG=1: in the sizes of its goals
	tests/with-system $(BIN)/python benchmarks/store.py $(if $(LONG),--long)

bench-scale: $(TESTABLE)  ## those of the control loops, on hollow nodes; LONG=1: in the sizes of their goals
	tests/with-system $(BIN)/python benchmarks/scale.py $(if $(LONG),--long)

generate: $(VENV)/bin/python  ## the schema data and the protobuf modules, from their sources
	$(BIN)/pip install --quiet --editable '.[generate]'
	$(BIN)/python tools/generate_schema.py
	$(BIN)/python tools/generate_protobuf_fields.py
	$(BIN)/python tools/generate_protos.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(VENV)/bin/python pyproject.toml
	@echo "installing hyperpy into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(TESTABLE): $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(INSTALLED)

clean:
	rm -rf $(VENV) dist build
