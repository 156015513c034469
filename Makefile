# From nothing in a fresh clone: `make demo` and `make test`. Linux and macOS.
#   PYTHON=/path/to/python   the Python 3.11 to 3.13 to use (default: found)
#   TORCH_INDEX=URL          another index for torch (default: pip's own)

export PYTHON
export TORCH_INDEX
BOOT := $(if $(PYTHON),$(PYTHON),python3)
BIN := .venv/bin
# Most tests wait for processes of their own; one thread each, or two renders fight for the cores.
PARALLEL := -n logical --maxprocesses 4
BRAND := demo/ethereal-glow

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak wheel-walk clean set-up-demo set-up-test python

help: ## these lines
	@echo "make TARGET [PYTHON=/path/to/python] [TORCH_INDEX=URL]"
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST)

demo: set-up-demo ## set up .venv and render the worked example as a reel with the bundled model
	@mkdir -p demo
	@test -f $(BRAND)/brand.yaml || $(BIN)/reelkiln init $(BRAND)
	$(BIN)/reelkiln reel $(BRAND)/storyboards/launch.yaml --product vitamin-c-serum --model spark \
	  -o demo/launch.mp4 --force

test: set-up-test ## set up .venv and run every check and every test
	@$(MAKE) --no-print-directory lint core
	OMP_NUM_THREADS=1 $(BIN)/pytest $(PARALLEL)

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

.PHONY: lint core
lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The core without torch, on the further Pythons that are found (scripts/setup.py says which), beside
# each other: they wait for processes more than they compute.
core:
	@$(BOOT) scripts/setup.py core
	@running=""; for venv in .venv-3.12 .venv-3.13; do \
	  test -f $$venv/setup.json || continue; \
	  $$venv/bin/python -m pytest -q --core -p no:cacheprovider >$$venv/tests.log 2>&1 & \
	  running="$$running $$!:$$venv"; \
	done; failed=0; for one in $$running; do \
	  wait $${one%%:*} || failed=1; echo "$${one#*:}:"; tail -n 40 $${one#*:}/tests.log; \
	done; exit $$failed

set-up-demo set-up-test: set-up-%: python
	@$(BOOT) scripts/setup.py $*

python:
	@$(BOOT) -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null || { \
	  echo "reelkiln needs Python 3.11 to 3.13, and $(BOOT) is missing or far older. Install one" \
	    "and name it: make demo PYTHON=/path/to/python" >&2; exit 1; }
