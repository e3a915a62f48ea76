# Every everyday command. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/focus libs/runtime libs/sources libs/simulator services/exporter services/scraper services/db-handler services/aggregator cli
SOURCES := $(wildcard libs/*/src services/*/src) cli/src
PYTEST_ARGS ?=
DATA ?= costwire-data
UV_COMPILE := $(BIN)/uv pip compile pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES)) --group dev \
	--universal --generate-hashes --no-annotate --no-header --quiet \
	$(addprefix --no-emit-package ,costwire costwire-focus costwire-runtime costwire-sources costwire-simulator \
	costwire-exporter costwire-scraper costwire-db-handler costwire-aggregator)

.DEFAULT_GOAL := help
COMPOSE := docker compose $(if $(wildcard .env.override),--env-file .env --env-file .env.override) \
	$(addprefix -f ,docker-compose.yml $(if $(EMBEDDED),docker-compose.embedded.yml) $(wildcard docker-compose.override.yml))
SECRETS := deploy/secrets

.PHONY: help setup demo run test test-unit faults schemathesis lint fmt lock check bench bench-large bench-topology proto docs audit sbom clean up down compose-secrets

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## make .venv with the locked dependencies and the command .venv/bin/costwire

$(VENV)/.ready: requirements.lock $(addsuffix /pyproject.toml,$(PACKAGES))
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(PACKAGES))
	@touch $@

demo: setup ## the whole pipeline on sample data, with the embedded store; ends by itself when piped
	$(BIN)/costwire demo

run: setup ## the whole pipeline on your own report: make run SOURCE=<path or URL>
	@test -n "$(SOURCE)" || { echo "make run SOURCE=<path or URL>"; exit 2; }
	$(BIN)/costwire run $(SOURCE) --data $(DATA)

up: compose-secrets ## CrateDB, Prometheus and the services in containers (EMBEDDED=1: without CrateDB)
	$(COMPOSE) up --build --detach --wait

down: ## stop the containers; their data stay in volumes
	$(COMPOSE) down

compose-secrets: ## the passwords of the containers' users, each made once
	@chmod 700 $(SECRETS)
	@cd $(SECRETS) && for user in db-handler costwire scraper aggregator reader; do test -s $$user || \
		{ $(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(24))' > $$user && chmod 444 $$user; } || exit 1; done

test: setup ## all tests that this machine can run (PYTEST_ARGS narrows them)
	$(BIN)/pytest -n logical --maxprocesses 4 $(PYTEST_ARGS)

test-unit: setup ## the tests without sockets, in seconds
	$(BIN)/pytest -n logical --maxprocesses 4 tests/unit $(PYTEST_ARGS)

faults: setup ## every fault in full, hours of them, and their table (PYTEST_ARGS narrows)
	COSTWIRE_TEST_FAULTS=full $(BIN)/pytest -n logical --maxprocesses 4 -m faults $(PYTEST_ARGS)

schemathesis: setup ## requests made up from /openapi.json, sent to the services (SECONDS=120 each)
	PATH="$(CURDIR)/$(BIN):$$PATH" COSTWIRE_TEST_SCHEMATHESIS=$(or $(SECONDS),120) $(BIN)/pytest -n0 -s tests/e2e/test_schemathesis.py

lint: setup ## format, lint, types, import contracts, and that the lock is current
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	@cp requirements.lock $(VENV)/lock && $(UV_COMPILE) --output-file $(VENV)/lock && cmp requirements.lock $(VENV)/lock \
		|| { echo "requirements.lock is not current: make lock"; exit 1; }

fmt: setup ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## pin the dependencies anew (UPGRADE=1: to their newest versions)
	$(UV_COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements.lock

check: lint test ## what CI runs

bench: setup ## speed and size beside what others take, into bench/RESULTS.md (ROWS=20000: a look, nothing is written)
	$(BIN)/python bench/bench.py $(if $(ROWS),--rows $(ROWS) --rounds $(or $(ROUNDS),1),--rows 200000 1000000 --rounds 5 --out bench)
	$(if $(ROWS),,$(MAKE) bench-topology)

bench-large: setup ## the same at 100,000 and 10,000,000 charges, and 100 deliveries: an hour or more, 60 GB in TMPDIR
	$(BIN)/python bench/bench.py --rows 100000 10000000 --rounds 3 1 --history --out bench

bench-topology: setup ## the aggregator beside the original, into bench/TOPOLOGY.md (CLUSTERS=1: a look, nothing is written)
	$(BIN)/python bench/topology.py $(if $(CLUSTERS),--clusters $(CLUSTERS) --rounds 1 --requests 5,--out bench)

proto: setup ## the code of gRPC's messages, from their .proto
	$(BIN)/python services/aggregator/generate_proto.py

docs: setup ## write the pages that are made from code
	$(BIN)/python -m costwire_focus.dictionary > docs/data-dictionary.md
	$(BIN)/python -m costwire_focus.dictionary rules > docs/rules.md
	$(BIN)/python -m costwire_focus.dictionary questions > docs/questions.md
	$(BIN)/python docs/metric_list.py > docs/metrics.md
	$(BIN)/python -m costwire_aggregator.topology.flavours.page > docs/aggregator-flavours.md

audit: setup ## known weaknesses of the locked packages (REQUIRED=1: fail where the index knows of none)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/audit.py $(if $(REQUIRED),--required)

sbom: setup ## sbom.json: the locked packages as a CycloneDX 1.6 document, checked against its schema
	$(BIN)/uvx --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock \
		--spec-version 1.6 --output-reproducible --validate --output-file sbom.json

clean: ## remove the environment and caches; data stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
