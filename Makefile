# Everything here sets up what it needs: `make demo` and `make test` work on a fresh machine with Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ARGS ?=
CORE_TESTS := tests/scenarios tests/semantics tests/unit/core tests/property
# Where it is set, each of some hundred processes of the tests compiles the code again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

install: $(INSTALLED) ## Make .venv with the command in .venv/bin/quotastream

$(INSTALLED): pyproject.toml setup.py streams/shell/_columns.c requirements/dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

packages: ## Install the Debian packages that tests use (kcat, node, prometheus, alertmanager), where they are missing
	sh deploy/debian-packages.sh

demo: install ## Run it all on an embedded Kafka: a made-up year, and who is behind (ARGS=--once ends by itself)
	$(BIN)/quotastream demo $(ARGS)

test: install packages ## Run the tests that take minutes at most
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: install packages coverage ## Run the long tests: coverage of the core, properties, 10,000 simulated seeds, what restarts brokers
	$(BIN)/pytest -m slow tests/property tests/unit tests/integration tests/fuzz tests/simulation tests/e2e \
		$(ARGS)

fuzz: install ## Fuzz the decoders, guided by coverage, for 10 minutes (SECONDS=N: for as many)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

faults: install ## Hurt workers and brokers in every way, and compare what was told with the model
	$(BIN)/pytest -s tests/faults $(ARGS)

coverage: install ## Say which lines and branches of the core no test of the core reaches; fails where there are any
	mkdir -p build
	SEEDS=10 EXAMPLES=20 $(BIN)/coverage run -m pytest -m "not slow" $(CORE_TESTS)
	$(BIN)/coverage report

mutants: install ## Change the core in small ways and say which changes no test notices (ARGS="streams.core.money*")
	SEEDS=3 EXAMPLES=8 $(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results

bench: install ## Measure throughput, a second worker and latency, beside the peers (ARGS=--write renews the page)
	$(BIN)/python -m benchmarks.throughput $(ARGS)
	$(BIN)/python -m benchmarks.two_workers $(filter --write,$(ARGS))
	$(BIN)/python -m benchmarks.latency $(filter --write,$(ARGS))

bench-short: install ## The same on 100,000 events, in a minute; fails below 10 times the plain Faust agent
	$(BIN)/python -m benchmarks.throughput --short --min-ratio 10 $(ARGS)

bench-scale: install ## Measure a live worker as it grows (ARGS="--groups N --each N", or ARGS=--growth)
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-recovery: install ## Measure how soon a worker is back after a stop, beside Kafka Streams (ARGS="--groups N")
	$(BIN)/python -m benchmarks.recovery $(ARGS)

bench-bytes: install ## Measure what the internal topics take for a remittance as a group has more of them
	$(BIN)/python -m benchmarks.growth_bytes $(ARGS)

capacity: install ## Simulate 100 workers with 100,000,000 groups; name what breaks first (ARGS=--write renews the page)
	$(BIN)/python -m benchmarks.capacity $(ARGS)

check: install ## Lint, format, types, import contracts, published schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/quotastream schemas check

audit: install ## Look for known vulnerabilities of what the lock files pin (says so where nobody can be asked)
	$(BIN)/python requirements/audit.py $(ARGS)

docs: install ## Build the documentation as a site into build/site, every link checked
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

reference: install ## Write the pages of docs/reference anew
	$(BIN)/python -m streams.cli.reference

acls: install ## Write deploy/acls.sh anew
	$(BIN)/python -m streams.shell.acls > deploy/acls.sh

settings: install ## Write docs/settings.md anew
	$(BIN)/python -m streams.shell.settings_page > docs/settings.md

docs-metrics: install ## Write docs/metrics.md anew from the declarations
	$(BIN)/python -m streams.shell.metrics_page > docs/metrics.md

manifests: install ## Write what Kubernetes is to know of the code anew
	$(BIN)/python deploy/k8s/generate.py

format: install ## Format and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

vendor: install ## Bring in anew what the page takes from npm, pinned and checked (needs npm)
	$(BIN)/python requirements/vendor.py

release: install ## Build sdist, wheel, SBOM and checksums into dist/, the same bytes from the same commit
	$(BIN)/python requirements/release.py $(ARGS)

pin: install ## Name the images that are built on and run by digest (DIGESTS=FILE; deploy/docker/pin.py says how to make it)
	$(BIN)/python deploy/docker/pin.py $(DIGESTS)

lock: ## Renew the lock files, with hashes (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		pyproject.toml -o requirements/run.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--extra dev -c requirements/run.lock pyproject.toml -o requirements/dev.lock

clean: ## Remove what was installed and built
	rm -f streams/shell/*.so
	rm -rf $(VENV) build dist mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
