# Every target makes .venv ready by itself; nothing is installed again until a lock or pyproject.toml changes.
#   make run ARGS="--cycles 3"     make test ARGS="tests/unit -k fills"

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
KEY := $(shell cat requirements-build.lock requirements.lock pyproject.toml | cksum | tr ' ' '-')
DEV := $(shell cat requirements-dev.lock | cksum | tr ' ' '-')
RUNS := .venv/.runs-$(KEY)
READY := .venv/.ready-$(KEY)-$(DEV)
COMPILE := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-header --no-annotate

# The order table, the gates, recovery: every branch of them is taken by the tests beside them.
PROVEN := bot/core/orders.py,bot/core/gate.py,bot/core/gates/*,bot/engine/action.py,bot/engine/execute.py,bot/engine/foreign.py
PROVEN := $(PROVEN),bot/engine/guard.py,bot/engine/permit.py,bot/engine/reconcile.py,bot/engine/resting.py,bot/engine/settle.py,bot/engine/stop.py
PROVING := tests/unit/core/test_orders.py tests/unit/core/test_gates_alone.py tests/unit/engine tests/rules/test_gate_*.py tests/rules/test_stopping.py tests/rules/test_scope_changes.py

.DEFAULT_GOAL := help
.PHONY: help venv run test presets coverage bench soak check format docs tour session lock clean simulate planted

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{printf "  make %-14s", $$2; $$1=$$2=""; print $$0}'

venv: $(READY) ## install what the locks name into .venv (hashes checked)
	@:

# What runs the bot comes first and is compiled: a process that starts a hundred times must not compile ccxt a hundred times.
$(RUNS):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ballast needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 venv" >&2; exit 1; }
	@echo "installing into .venv ..."
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@rm -f .venv/.ready-* .venv/.runs-*
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@{ $(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-build.lock \
	   && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock; } \
	 || { echo "uv could not; pip takes over (slower)"; \
	      $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock; }
	@{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation -e .; } \
	 || $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
	@echo "ready"

$(READY): $(RUNS)
	@echo "installing what tests need ..."
	@{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock; } \
	 || $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(RUNS) ## start the bot (paper, unless told otherwise); ARGS="..." is passed on
	@exec $(BIN)/ballast run $(ARGS)

test: venv ## run the tests; ARGS="..." is passed on to pytest
	@$(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: venv ## every branch of the order table, the gates and recovery must be taken (half a minute)
	@COVERAGE_FILE=.venv/.coverage $(BIN)/python -m coverage run --rcfile=/dev/null --branch --include="$(PROVEN)" -m pytest -q -p no:cacheprovider $(PROVING)
	@COVERAGE_FILE=.venv/.coverage $(BIN)/python -m coverage report --rcfile=/dev/null --show-missing --fail-under=100

campaign: venv ## the long runs: five minutes of the tour for four seeds, twenty kills
	@CAMPAIGN=1 $(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist load --durations 0 tests/e2e $(ARGS)

acceptance: venv ## 400 hours of recorded candles through the crash of May 2021; MARKET_DATA names their folder
	@test -d "$(MARKET_DATA)/perp_1h" || { echo "MARKET_DATA is '$(MARKET_DATA)', must name a folder of recorded candles that has perp_1h in it" >&2; exit 1; }
	@ACCEPTANCE=1 $(BIN)/python -m pytest -q tests/e2e/test_recorded.py $(ARGS)

presets: venv ## the five presets over MARKET_DATA: reports in data/presets, opened in a browser, docs/presets.md (an hour); CYCLE=4h PICTURES=1
	@test -d "$(MARKET_DATA)/perp_1h" || { echo "MARKET_DATA is '$(MARKET_DATA)', must name a folder of recorded candles that has perp_1h in it" >&2; exit 1; }
	@for name in tactical dynamic core-satellite momentum risk-parity; do \
	  $(BIN)/ballast backtest --config config/$$name.yaml --data "$(MARKET_DATA)/perp_1h" --cycle $(or $(CYCLE),1h) --out data/presets/$$name || exit 1; done
	@REPORTS=data/presets $(BIN)/python -m pytest -q tests/e2e/test_report.py -k preset $(ARGS)
	@PYTHONPATH=. $(BIN)/python docs/presets.py data/presets

bench: venv ## time one decision and one whole cycle by the number of assets; ARGS="--assets 20 --rounds 9"
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=. $(BIN)/python benchmarks/cycle.py $(ARGS)

# Peers have environments of their own, outside the locks, made by the command itself: they pin what the bot does not.
peers: venv ## our backtest, cycle, start and memory beside the peers', into docs/performance.md; ARGS="--coins 10 --extras --only bt --table"
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=. $(BIN)/python -m benchmarks.peers $(ARGS)

soak: venv ## ten thousand cycles against the local exchange: what grows? plot and figures; ARGS="--cycles 500"
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=. $(BIN)/python benchmarks/soak.py --plot docs/img/soak.svg $(ARGS)

fleet: venv ## what a fleet takes by the number of its portfolios; ARGS="--portfolios 10 --minutes 1"
	@env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=. $(BIN)/python benchmarks/fleet.py --plot docs/img/fleet.svg $(ARGS)

fleet-campaign: venv ## three workers, sixty portfolios: one worker killed, one stopped and continued (a quarter of an hour)
	@FLEET_CAMPAIGN=60 $(BIN)/python -m pytest -q -s tests/e2e/test_fleet.py $(ARGS)

simulate: venv ## the whole bot in virtual time: 500 seeds of a week, 20 of a day at 60 s, every kill step, every fault at every call (hours)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/ballast simulate --seeds 1..500 --days 7 $(ARGS)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/ballast simulate --seeds 1..20 --days 1 --cycle 60s $(ARGS)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/ballast simulate --exhaustive steps $(ARGS)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/ballast simulate --exhaustive faults $(ARGS)

planted: venv ## plant bugs into copies of the order path and let the simulation find each; ARGS="--only kill"
	@PYTHONPATH=. $(BIN)/python benchmarks/planted.py $(ARGS)

check: venv ## lint, types, import contracts, dependencies, sizes, words, Dockerfile and compose file
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/deptry --no-ansi .
	$(BIN)/python -m pytest -q tests/architecture
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

docs: venv ## make the pages of docs/ that come from the code
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m tests.reliability.page

tour: venv ## play config/tour.yaml through (a few minutes) and write docs/tour.md from its record; ARGS="FOLDER" keeps it
	@$(BIN)/python docs/tour.py $(ARGS)

session: venv ## run a newcomer's commands one after the other and write docs/session.md of what they said
	@$(BIN)/python docs/session.py

format: venv ## let ruff mend and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: venv ## resolve anew within pyproject.toml's bounds: UPGRADE=--upgrade takes newer versions
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(COMPILE) $(UPGRADE) --group build -c requirements-dev.lock -o requirements-build.lock

clean: ## remove .venv and caches; data/ stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
