# Three commands matter: `make test`, `make demo`, `make fmt`. CI runs the first.

# Some machines set this; it would have every start of Python compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
WORKERS ?= 2
SOURCE ?=
TIME ?= 600
SEED ?=

.DEFAULT_GOAL := help
.PHONY: help setup system-packages check fmt test torture bench demo lock clean

help:
	@echo 'make setup     make .venv from requirements.lock (quick when nothing changed)'
	@echo 'make test      setup, system packages, check, then every test but the long sweeps'
	@echo 'make demo      back up real files, lose them, get them back twice; SOURCE=DIR for your own'
	@echo 'make torture   the long sweeps; TIME=seconds for each, SEED=number to repeat one'
	@echo 'make bench     us beside restic, borg and cp; QUICK=1, SCALE=1 for the large trees, ONLY=photos/first for one row'
	@echo 'make check     lint, format and types; changes nothing'
	@echo 'make fmt       format, and fix what can be fixed'
	@echo 'make lock      choose dependencies anew, and pin them with hashes'
	@echo 'make clean     remove what the other targets made'

setup: .venv/stamp

.venv/stamp: pyproject.toml requirements.lock scripts/setup
	@scripts/setup
	@touch $@

system-packages:
	@scripts/system-packages

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup system-packages check
	$(BIN)/python -m pytest -n $(WORKERS) -m 'not torture'

torture: export TIME := $(TIME)
torture: export SEED := $(SEED)
torture: setup system-packages
	$(BIN)/python -m pytest -n $(WORKERS) -m torture --timeout=0

bench: export ONLY := $(ONLY)
bench: export PEERS := $(PEERS)
bench: export WHERE := $(WHERE)
bench: setup
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(SCALE),--scale $(SCALE)) $(if $(ONLY),--only "$$ONLY") \
		$(if $(PEERS),--peers "$$PEERS") $(if $(WHERE),--where "$$WHERE") $(if $(MINUTES),--minutes $(MINUTES))
	$(if $(ONLY)$(SCALE),,@$(BIN)/python -m bench.mount $(if $(QUICK),--files 10000 --large 256))

demo: export SOURCE := $(SOURCE)
demo: setup
	scripts/demo

lock:
	@scripts/lock

clean:
	rm -rf .venv .cache dist
	find vaultd cli tests bench scripts docs -name __pycache__ -type d -prune -exec rm -rf {} +
