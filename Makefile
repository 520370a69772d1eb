# Every target works alone on a machine with Python >= 3.11 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Many tests wait for a process, so that more of them than cores go on at once.
WORKERS ?= $(shell expr 2 \* $$(nproc 2>/dev/null || echo 1))
# Tests that are there for both stores run on one of them, half on each, and those that press a part
# with many inputs with some of them; `all` leaves nothing out.
TESTS ?= some
unexport PYTHONDONTWRITEBYTECODE # half of the time of collecting tests is their compilation

.PHONY: help demo wheel drive test check bench bench-scale crash kills hostile soak simulate attack mutants model lock clean
help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*## */\t/' | expand -t 12

$(VENV)/pyvenv.cfg:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

demo: $(VENV)/.run   ## lint, render and send the sample issue to the example list
	@NEWSLETTER=$(BIN)/newsletter sh demo.sh

wheel: $(VENV)/.run  ## build the wheel that is installed elsewhere, into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build --target wheel --directory dist

drive: wheel     ## install the wheel into an empty environment, and use it there
	PYTHON=$(PYTHON) sh tests/wheel.sh dist/*.whl deploy/requirements.lock

# The tests of a file stay in one worker, where they share a server or a browser; files keep their
# order, for the quickest come last.
test: $(VENV)/.dev   ## every test, in parallel; on both stores and with all inputs: TESTS=all
	TESTS=$(TESTS) $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(VENV)/.dev  ## the figures of docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

bench-scale: $(VENV)/.dev ## many workers at one send, and a million rows, on PostgreSQL
	$(BIN)/python -m tests.bench --only scale import plan --store postgresql $(ARGS)

crash: $(VENV)/.dev  ## kill sends in every way, and compare the ledger with what was taken
	$(BIN)/python -m tests.crash.campaign $(ARGS)

kills: $(VENV)/.dev  ## kill backup, restore, upgrade and init before each system call that changes something
	SHARE=$${SHARE:-1} $(BIN)/pytest -n $(WORKERS) -rfEP tests/upkeep $(ARGS)

hostile: $(VENV)/.dev ## run every command on full disks, under wrong clocks, without streams, and so on
	$(BIN)/python -m tests.hostile $(ARGS)

soak: $(VENV)/.dev   ## let a newsletter live for 20 minutes under load and with faults, on each store
	$(BIN)/python -m tests.soak $(ARGS)

simulate: $(VENV)/.dev ## run the real core in small worlds of virtual time, with all that can go wrong
	$(BIN)/python -m tests.simulation $(ARGS)

attack: $(VENV)/.dev ## forged notifications, changed tokens, scripts and odd requests, by the ten thousand
	SHARE=$${SHARE:-1} $(BIN)/pytest -n $(WORKERS) tests/attack $(ARGS)
	SHARE=$${SHARE:-1} $(BIN)/pytest -n $(WORKERS) -m hypothesis

mutants: $(VENV)/.dev ## take one guard away after the other, and see the tests of it fail
	$(BIN)/python -m tests.mutants.play $(ARGS)

model:           ## walk every order in which workers and faults can meet, and miss each guard
	$(PYTHON) docs/model/ledger.py $(ARGS)

lock: $(VENV)/.dev   ## renew the lock files (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra build pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --constraints requirements-dev.lock --extra age --extra cluster pyproject.toml -o deploy/requirements.lock

clean:           ## remove what was built, never what was sent
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
