# Two commands: `make chorale` composes with the shipped weights, `make test` runs every check.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SEED ?= $(shell date +%s)

.PHONY: chorale test clean

chorale: .venv/.installed
	mkdir -p out
	$(BIN)/musicgen compose --seed $(SEED) -o out/chorale.mid -o out/chorale.musicxml -o out/chorale.svg

test: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# torch comes first and alone, from the CPU index where the machine has no build of its own: a bare torch pulls gigabytes of CUDA.
.venv/.torch: constraints.txt
	@echo "installing into .venv, which takes a minute or two"
	$(PYTHON) -m venv .venv
	$(PIP) torch numpy --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu
	touch $@

.venv/.installed: .venv/.torch pyproject.toml
	$(PIP) -e '.[score,sound]'
	touch $@

.venv/.installed-dev: .venv/.installed
	$(PIP) -e '.[dev]'
	touch $@

clean:
	rm -rf .venv out
