# One-word commands. Each makes what it needs: the virtual environment, the build, the install.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# A newer compiler's warning must not stop a user; it stops continuous integration.
ifdef CI
PIP_BUILD := --config-settings=cmake.define.PELLUCID_WARNINGS_AS_ERRORS=ON
endif
# The machine's own npm, or that of the registry's package.
NPM := $(BIN)/python -m build_backend npm
# Files of tests side by side; each process has one core, so that two do not fight over them.
PYTEST := PELLUCID_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
NATIVE_SOURCES := $(shell find native -name '*.cpp' -o -name '*.h' -o -name '*.inc')
PAGE_SOURCES := $(shell find studio-ui/src -type f) $(wildcard studio-ui/*.html studio-ui/*.js studio-ui/*.json studio-ui/*.ts)
BUILD_FILES := pyproject.toml CMakeLists.txt $(wildcard native/*/*.cmake) $(NATIVE_SOURCES)

.PHONY: demo test test-all test-page lint sanitize format bench clean
.DELETE_ON_ERROR:

demo: $(VENV)/.built $(VENV)/.page
	$(BIN)/pellucid demo

test: test-page
	$(PYTEST)

test-all: test-page
	$(PYTEST) -m ""

# The tests in the page's own language, of answers that the library gives now.
test-page: $(VENV)/.built $(VENV)/.page $(VENV)/.test
	tests/chromium.sh
	$(BIN)/python studio-ui/fixtures.py studio-ui/tests/data
	$(NPM) test

lint: $(VENV)/.built $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(NATIVE_SOURCES)
	$(BIN)/python native/tidy.py
	$(NPM) run lint

sanitize: $(VENV)/.built $(VENV)/.test
	$(BIN)/python native/sanitize.py

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(NATIVE_SOURCES)
	$(NPM) run format

bench: $(VENV)/.built $(VENV)/.benchmark
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist src/pellucid/studio/page $(VENV)/.built $(VENV)/.page

# Build tools are installed once, so that a rebuild only compiles what changed.
$(VENV)/.tools:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) 'scikit-build-core>=0.11' 'nanobind>=2.4' 'cmake>=3.24' ninja $$($(BIN)/python -m build_backend requirements)
	touch $@

$(VENV)/.built: $(VENV)/.tools $(BUILD_FILES)
	$(PIP) --no-build-isolation $(PIP_BUILD) --editable .
	touch $@

$(VENV)/.page: $(VENV)/.built $(PAGE_SOURCES)
	$(BIN)/python -m build_backend page
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
