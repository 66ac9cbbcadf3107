# The five commands. Each prepares what it needs in .venv first, and is quick the second time.
PYTHON ?= python3
RUN := .venv/bin
WHEELHOUSE := $(CURDIR)/.tools/wheelhouse

.PHONY: help demo up test check bench setup setup-test lock docs record screenshots clean

help:
	@echo "make demo    set up, then walk through the main job end to end"
	@echo "make up      set up, then start a workspace in the foreground"
	@echo "make test    set up, then run all tests"
	@echo "make check   format, lint, types, docs"
	@echo "make bench   benchmarks, as ratios to limits measured in the same run"

setup:
	@$(PYTHON) scripts/setup.py

setup-test:
	@$(PYTHON) scripts/setup.py --for test

demo: setup
	@WHEELYARD_WHEELHOUSE=$(WHEELHOUSE) $(RUN)/wheelyard demo

up: setup
	@WHEELYARD_WHEELHOUSE=$(WHEELHOUSE) $(RUN)/wheelyard up

test: setup-test
	@$(RUN)/python scripts/run_tests.py

check: setup-test
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/python -m pytest -q tests/docs tests/test_import_contract.py

bench: setup-test
	@$(RUN)/python -m bench $(BENCH)

# Maintainers: regenerate the reference pages, record visible output, resolve the lock again.
docs: setup-test
	$(RUN)/python scripts/reference_cli.py
	$(RUN)/python scripts/reference_rest.py
	$(RUN)/python scripts/reference_rules.py

record: setup-test
	WHEELYARD_RECORD=1 $(RUN)/python -m pytest -q tests/matrix
	$(RUN)/python -m pytest -q tests/acceptance --record

screenshots: setup-test
	@$(RUN)/python scripts/screenshots.py

lock:
	$(RUN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --extra all --group dev pyproject.toml -o requirements/dev.lock
	grep -A200 '^uv==' requirements/dev.lock | awk 'NR>1 && /^[a-z]/{exit} {print}' > requirements/bootstrap.lock

clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
