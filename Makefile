# One-word commands. Each makes what it needs: the virtual environment, the build, the install.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# A newer compiler's warning must not stop a user; it stops continuous integration.
ifdef CI
PIP_BUILD := --config-settings=cmake.define.PELLUCID_WARNINGS_AS_ERRORS=ON
endif
NATIVE_SOURCES := $(shell find native -name '*.cpp' -o -name '*.h' -o -name '*.inc')
BUILD_FILES := pyproject.toml CMakeLists.txt $(wildcard native/*/*.cmake) $(NATIVE_SOURCES)

.PHONY: demo test test-all lint sanitize format bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.built
	$(BIN)/pellucid demo

test: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m pytest

test-all: $(VENV)/.built $(VENV)/.test
	$(BIN)/python -m pytest -m ""

lint: $(VENV)/.built $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(NATIVE_SOURCES)
	$(BIN)/python native/tidy.py

sanitize: $(VENV)/.built $(VENV)/.test
	$(BIN)/python native/sanitize.py

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(NATIVE_SOURCES)

bench: $(VENV)/.built $(VENV)/.benchmark
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist $(VENV)/.built

# Build tools are installed once, so that a rebuild only compiles what changed.
$(VENV)/.tools:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) 'scikit-build-core>=0.11' 'nanobind>=2.4' 'cmake>=3.24' ninja
	touch $@

$(VENV)/.built: $(VENV)/.tools $(BUILD_FILES)
	$(PIP) --no-build-isolation $(PIP_BUILD) --editable .
	touch $@

$(VENV)/.test: $(VENV)/.built pyproject.toml
	$(PIP) --no-build-isolation $(PIP_BUILD) --editable '.[test]'
	touch $@

$(VENV)/.benchmark: $(VENV)/.built pyproject.toml
	$(PIP) --no-build-isolation $(PIP_BUILD) --editable '.[benchmark]'
	touch $@

$(VENV)/.lint: $(VENV)/.tools pyproject.toml
	$(PIP) ruff mypy clang-format clang-tidy pre-commit
	touch $@
