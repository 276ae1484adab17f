# make demo   a site to try it on, at http://127.0.0.1:8000 (PORT=8080 make demo for another port)
# make test   every check and every test; as many at once as there are processors and one more, or WORKERS=2 make test
# make coverage   the tests, and which lines and branches of the library they reach; it takes twice as long
# make faults what make test does to the log for seconds, for minutes: MINUTES=10 make faults
# make bench  what the middleware costs
# make gallery  the pictures in docs/gallery
# make bench-frontend   the banner beside others, for docs/frontend.md
# make compliance   docs/compliance.md and docs/regimes.md, after a change to what they are made of
# make docs   the documentation as a site, in build/docs
# make commands   docs/cli.md, after a change to a command's options
# make rooms  the picture in docs/architecture.md, after a change to the import contracts
# make script the minified scripts, after a change to those in src/consent/banner/static
#
# All set themselves up: an environment in .venv, and for the tests a C compiler, Chromium, PostgreSQL and nginx.

PYTHON ?= python3
MINUTES ?= 2
# One more than there are processors: now and then a test waits for what it has started.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes, each of which would compile the library anew.
unexport PYTHONDONTWRITEBYTECODE
# Neighbours stay with one worker, which sets up what they share once; whoever is done takes from the others.
PYTEST := tools/in-memory pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: demo test tests coverage faults check lint types bench gallery compliance docs commands rooms script setup clean

demo: .venv/demo
	@consent demo

test: setup lint
	@$(MAKE) --no-print-directory --jobs 2 types tests

tests: setup
	$(PYTEST)

coverage: setup
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

faults: setup
	CONSENT_FAULTS=$$(($(MINUTES) * 60)) pytest -n 0 -v tests/faults

check: lint types

lint: .venv/test
	ruff format --check .
	ruff check .

types: setup
	mypy
	npx --no-install pyright
	npx --no-install tsc --project tsconfig.json

compliance: .venv/test
	python tools/law.py

bench: .venv/test
	python bench/request.py
	python bench/doors.py

bench-frontend: setup
	@cd bench/frontend && npm ci --silent --no-audit --no-fund --ignore-scripts
	python bench/frontend/run.py --docs docs

docs: .venv/docs
	sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --builder html docs build/docs
	@echo "consent: see build/docs/index.html" >&2

commands: .venv/demo
	python tools/commands.py

rooms: .venv/demo
	python tools/rooms.py

script: node_modules/.package-lock.json
	tools/minify

gallery: setup
	python tools/gallery.py

setup: .venv/test node_modules/.package-lock.json
	@tools/system browser database strace nginx

.venv/demo: pyproject.toml hatch_build.py src/consent/gate/_fast.c
	@tools/system python
	@echo "consent: making an environment in .venv" >&2
	@$(PYTHON) -m venv .venv
	@pip install --quiet --editable '.[audit]'
	@touch $@

.venv/docs: .venv/demo
	@echo "consent: adding what the documentation needs to .venv" >&2
	@pip install --quiet --upgrade "pip>=25.1"
	@pip install --quiet --editable '.[flask,django,fastapi,testing]' --group docs
	@touch $@

.venv/test: .venv/demo
	@echo "consent: adding what the tests need to .venv" >&2
	@tools/system compiler
	@pip install --quiet --upgrade "pip>=25.1"
	@pip install --quiet --editable '.[flask,django,postgres,audit,timestamp,parquet]' --group dev
	@touch $@

node_modules/.package-lock.json: package-lock.json .venv/test
	@tools/system node
	@npm ci --silent --no-audit --no-fund
	@touch $@

clean:
	rm -rf .venv node_modules bench/frontend/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
