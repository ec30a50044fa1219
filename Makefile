# Needs Python 3.11 or newer, pip and make. Everything else is fetched into .venv and api/static/vendor.
# make PYTHON=/path/to/python3.12     another Python
# make run ARGS="--api-port 9000"     flags; `make run ARGS=--help` lists them

PYTHON ?= python3
IN := .venv/bin
# Many processes run the same code: unless the first keeps what it compiled, each compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test tests lint checks development clauses faults bench clean

run:
	@$(PYTHON) scripts/environment.py local
	@$(IN)/python scripts/vendor.py
	@$(IN)/python standalone.py $(ARGS)

test: development
	@$(MAKE) --no-print-directory -j2 tests checks

tests:
	@$(IN)/python scripts/vendor.py
	$(IN)/pytest -n 4 $(ARGS)

lint: development
	@$(MAKE) --no-print-directory checks

checks:
	$(IN)/ruff check .
	$(IN)/mypy
	$(IN)/lint-imports

development:
	@$(PYTHON) scripts/environment.py dev

clauses:
	@$(PYTHON) scripts/environment.py dev
	@$(IN)/python scripts/vendor.py
	@$(IN)/python -m tests.clauses -n 2 $(ARGS)

# SEED=7 repeats a run, QUICK=1 takes minutes instead of an hour
faults:
	@$(PYTHON) scripts/environment.py dev
	@$(IN)/python scripts/vendor.py
	@$(IN)/python -m faults --seed $(or $(SEED),1) $(if $(QUICK),--quick) $(ARGS)

# twenty minutes; QUICK=1 a few. OTHERS=1 installs other engines and holds ours against them, IDLE=1 leaves 20,000
# orders alone. ARGS="--only lists" renews one section of bench/results.json and of docs/costs.md
bench:
	@$(PYTHON) scripts/environment.py dev
	@$(IN)/python scripts/vendor.py
	@$(if $(OTHERS),$(IN)/python -m bench.others.install)
	@$(IN)/python -m bench $(if $(QUICK),--quick) $(if $(OTHERS),--others) $(if $(IDLE),--idle) $(ARGS)

clean: # leaves the data in var
	rm -rf .venv .venv-others api/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
