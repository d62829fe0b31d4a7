# `make help` lists what there is. Every target that needs the environment makes it first.

PYTHON ?= python3
ARGS ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
KILLS ?= 500

# What has no I/O is covered by tests branch by branch.
PURE := errors wall bodies oci interfaces wire content

# Where another Python is most likely to behave otherwise: the event loop, and words of the library's.
VARYING := tests/unit/app tests/protocol tests/faults/test_serving.py tests/architecture/test_documentation.py

BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

.PHONY: install
install: $(INSTALLED) ## make .venv with Lading, its tools, and the command .venv/bin/lading
	@echo "The command is .venv/bin/lading"

$(INSTALLED): pyproject.toml constraints.txt tools/install
	@PYTHON="$(PYTHON)" tools/install

.PHONY: serve
serve: $(INSTALLED) ## start a registry; options by ARGS="--listen 127.0.0.1:5001"
	@exec $(BIN)/lading serve $(ARGS)

.PHONY: test
test: $(INSTALLED) ## run the tests (under five minutes)
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

.PHONY: test-pythons
test-pythons: $(INSTALLED) ## the tests of the server by each other Python that is here
	tools/test-pythons -n $(JOBS) $(VARYING) $(ARGS)

.PHONY: check
check: $(INSTALLED) ## formatting, style, types, floors, documentation, coverage of the pure floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q -p no:randomly -p no:cacheprovider tests/architecture
	$(BIN)/python -m pytest -q -n $(JOBS) -p no:randomly -p no:cacheprovider --hypothesis-seed=0 \
		$(PURE:%=--cov=lading.%) --cov-fail-under=100 --cov-report=term-missing:skip-covered \
		$(wildcard $(PURE:%=tests/unit/%)) tests/protocol

.PHONY: interop
interop: $(INSTALLED) ## docker, podman, skopeo, buildah, crane, oras against the real server
	$(BIN)/python -m pytest -v -p no:randomly tests/interop $(ARGS)

.PHONY: conformance
conformance: $(INSTALLED) ## the official OCI conformance suite, twice
	$(BIN)/python tests/conformance/run.py $(ARGS)

.PHONY: bench
bench: $(INSTALLED) ## measure Lading and Distribution side by side
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-client
bench-client: $(INSTALLED) ## measure the client beside crane, oras and regctl
	$(BIN)/python -m bench.clients $(ARGS)

.PHONY: soak
soak: $(INSTALLED) ## kill the server KILLS=500 times under load; a quarter of an hour
	$(BIN)/python -m pytest -v -p no:randomly tests/faults -m soak --kills $(KILLS) $(ARGS)

.PHONY: docs
docs: $(INSTALLED) ## build the documentation into docs/_build/html
	$(BIN)/python -m tools.reference
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/python -m tools.manual docs/_build/man
	@echo "docs/_build/html/index.html and docs/_build/man"
