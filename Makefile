# make demo   set everything up and run the main job
# make test   set everything up and run the tests (10 minutes or less)
# make check  tests, long tests, format, lint, types, floors and documents

HOLTER_DATA ?= $(abspath ../shared/data)
export HOLTER_DATA
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check long lint studies fuzz clean

demo: $(READY)
	$(BIN)/holter demo

test: $(READY)
	./tools/system-packages
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

check: lint test long

long: $(READY)
	$(BIN)/python -m pytest -m long

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/documents.py
	$(BIN)/python tools/formats.py

studies: $(READY)
	$(BIN)/python tools/results.py --out docs/results.md

# Coverage-guided fuzzing of every parser; atheris stays out of the project's own environment.
RUNS ?= 2000000
fuzz:
	test -x build/fuzz/venv/bin/python || $(PYTHON) -m venv build/fuzz/venv
	build/fuzz/venv/bin/python -m pip install --quiet atheris==3.0.0 cryptography numpy
	build/fuzz/venv/bin/python tools/fuzz_messages.py --runs $(RUNS)

# torch first and pinned: an unpinned torch would bring gigabytes that a device never needs.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $(READY)

clean:
	rm -rf .venv
