# From nothing in a fresh clone: `make demo` and `make test`. Linux and macOS.
#   PYTHON=/path/to/python   the Python 3.11 to 3.13 to use (default: found)
#   TORCH_INDEX=URL          another index for torch (default: pip's own)

export PYTHON
export TORCH_INDEX
BOOT := $(if $(PYTHON),$(PYTHON),python3)
BIN := .venv/bin
# Many tests wait for processes of their own: one worker more than there are cores, 4 at most. One
# thread each, or two renders fight for the cores.
WORKERS = $$($(BOOT) -c 'import os; print(min(4, os.cpu_count() + 1))')
BRAND := demo/ethereal-glow

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak wheel-walk clean python
.PHONY: set-up-demo set-up-test set-up-core set-up-all

help: ## these lines
	@echo "make TARGET [PYTHON=/path/to/python] [TORCH_INDEX=URL]"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

demo: set-up-demo ## set up .venv and render the worked example as a reel with the bundled model
	@mkdir -p demo
	@test -f $(BRAND)/brand.yaml || $(BIN)/reelkiln init $(BRAND)
	$(BIN)/reelkiln reel $(BRAND)/storyboards/launch.yaml --product vitamin-c-serum --model spark \
	  -o demo/launch.mp4 --force

test: set-up-all ## set up .venv and run every check and every test
	@$(MAKE) --no-print-directory -j 3 lint core-3.12 core-3.13
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal

check: set-up-test ## style, types, architecture and documents, without the other tests
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest -q tests/test_house.py tests/test_docs.py

bench: set-up-test ## print this machine's figures
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/make.py

soak: set-up-test ## the fault tests with hundreds of kills, for a night
	REELKILN_SOAK=1 $(BIN)/pytest tests/faults --timeout 90000

wheel-walk: set-up-test ## build the wheel, install it into an empty environment and render
	$(BIN)/python scripts/walk.py

clean: ## remove environments, caches, built files and the demo
	rm -rf .venv .venv-3.12 .venv-3.13 build dist demo
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: lint core core-3.12 core-3.13
lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The core without torch, on the further Pythons that are found (scripts/setup.py says which). 3.12
# lies between two on which it runs as a whole: a part of it is enough there.
CORE-3.12 = --core short
CORE-3.13 = --core whole -n 2 --dist worksteal
core: set-up-core
	@$(MAKE) --no-print-directory -j 2 core-3.12 core-3.13

core-3.12 core-3.13: core-%:
	@test ! -f .venv-$*/setup.json || { \
	  OMP_NUM_THREADS=1 .venv-$*/bin/python -m pytest -q -p no:cacheprovider $(CORE-$*) >.venv-$*/tests.log 2>&1; failed=$$?; \
	  echo "The core on Python $* (all it said is in .venv-$*/tests.log):"; \
	  if test $$failed = 0; then tail -n 1 .venv-$*/tests.log; else tail -n 300 .venv-$*/tests.log; fi; \
	  exit $$failed; }

set-up-demo set-up-test set-up-core set-up-all: set-up-%: python
	@$(BOOT) scripts/setup.py $*

python:
	@$(BOOT) -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null || { \
	  echo "reelkiln needs Python 3.11 to 3.13, and $(BOOT) is missing or far older. Install one" \
	    "and name it: make demo PYTHON=/path/to/python" >&2; exit 1; }
