# Two commands: `make report` and `make test`. Both work on a machine with python3 (3.11 or newer) and make alone.
PYTHON ?= python3
BIN := .venv/bin

.DELETE_ON_ERROR:
.PHONY: help report test check-long lint types contract unit bench bench-report data kernels fit fit-article fit-pooled fit-sizes tables pictures screenshots peers reference docs sweep-page lock clean kernel-page rates fitted-rates ledger forecasts golden mutants fuzz
.PHONY: dist audit weight

help:
	@echo "make report      the study as out/report.html (sets up .venv on first use)"
	@echo "make test        ruff, mypy, import contract, pytest"
	@echo "make bench       how fast it is, as docs/speed.md"
	@echo "make bench-report how long reports of up to a million worlds take, for the next make bench (a quarter of an hour)"
	@echo "make check-long  the slow checks, and docs/checks.md (needs the network)"
	@echo "make dist        wheel and sdist of what is committed, in out/dist"
	@echo "make audit       look the pinned requirements up in the advisories (needs the network)"
	@echo "make weight      renew docs/weight.md, what is installed and how heavy (maintainers)"
	@echo "make mutants     mutation testing of the physics, as docs/mutants.md (maintainers; long; asked again, only what survived)"
	@echo "make fuzz        hostile inputs for every reader, more than 100,000: docs/hardening.md (some minutes)"
	@echo "make data        rebuild the catalog's tables from ../shared/data (maintainers)"
	@echo "make kernels     refit the table of kernel times to ../shared/data/kernels (maintainers)"
	@echo "make fit         refit the preset 'fitted' to the shipped benchmark rows (maintainers; two minutes)"
	@echo "make fit-sizes   the same, and learn the sizes of its process anew (maintainers; six minutes)"
	@echo "make kernel-page renew docs/kernels.md, benchmark rows as sums of measured kernels (maintainers)"
	@echo "make rates       renew the table of best rates that the shipped scenarios ask for (maintainers; a minute)"
	@echo "make fitted-rates renew the tables of best rates by the fit of all runs, and their errors (maintainers; minutes)"
	@echo "make ledger      write this release's forecasts into the ledger, once (maintainers)"
	@echo "make forecasts   renew docs/forecasts.md and docs/update.md (maintainers)"
	@echo "make golden      renew tests/golden/study.csv, headline numbers at a fixed seed (maintainers; the diff is reviewed)"
	@echo "make tables      renew docs/deployments.md, every model on every system (maintainers; minutes)"
	@echo "make pictures    renew README, docs/agents.md and docs/energy.md: picture, outputs (maintainers)"
	@echo "make screenshots renew the pictures of the page and of the report in docs/figures (maintainers; needs Chromium)"
	@echo "make peers       other predictors on the same rows: docs/peers.md (maintainers; installs them under out/peers)"
	@echo "make reference   renew docs/cli.md, docs/data.md and docs/assumptions.md (maintainers)"
	@echo "make docs        the documentation as a site, in out/site"
	@echo "make sweep-page  measure how sweeps grow, for docs/sweep.md (maintainers; minutes, and the whole machine)"
	@echo "make lock        renew the pinned requirements (maintainers)"

report: .venv/core.stamp
	$(BIN)/fleetline report --out out

test: lint types contract unit

lint: .venv/dev.stamp
	$(BIN)/ruff check src tests tools benchmarks
	$(BIN)/ruff format --check src tests tools benchmarks

types: .venv/dev.stamp
	$(BIN)/mypy

contract: .venv/dev.stamp
	$(BIN)/lint-imports --no-cache

unit: .venv/dev.stamp
	$(BIN)/pytest -n 3 --dist loadfile -m "not long"

check-long: .venv/dev.stamp fuzz
	$(BIN)/pytest -n 2 --dist loadfile -m long --junitxml=out/long.xml -o junit_family=xunit1
	$(BIN)/python tools/checks.py out/long.xml docs/checks.md

# Hatchling, pinned in requirements/core.txt, dates every file alike, so the bytes follow from the commit alone.
dist: .venv/core.stamp
	@test -z "$$(git status --porcelain 2>/dev/null)" || { echo "make dist builds what is committed: commit or stash your changes first" >&2; exit 1; }
	rm -rf out/dist
	env -u SOURCE_DATE_EPOCH $(BIN)/python -m hatchling build -d out/dist
	cd out/dist && sha256sum *

audit: out/audit/stamp
	out/audit/bin/python tools/audit.py

out/audit/stamp: requirements/audit.txt
	$(PYTHON) -m venv out/audit
	out/audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	touch $@

weight: .venv/dev.stamp
	$(BIN)/python tools/weight.py docs/weight.md

mutants: .venv/dev.stamp
	$(BIN)/python tools/mutants.py out/mutants tools/survivors.csv docs/mutants.md

fuzz: .venv/dev.stamp
	PYTHONPATH=tests:tests/measurements:tools $(BIN)/python tools/fuzz.py docs/hardening.md

bench: .venv/dev.stamp
	$(BIN)/pytest benchmarks -q -o addopts= --ignore benchmarks/test_report_speed.py --benchmark-json=.benchmarks.json
	$(BIN)/python tools/speed.py docs/speed.md .benchmarks.json .benchmarks-report.json

bench-report: .venv/dev.stamp
	$(BIN)/pytest benchmarks/test_report_speed.py -q -o addopts= --benchmark-json=.benchmarks-report.json

data: .venv/dev.stamp
	$(BIN)/python tools/import_data.py ../shared/data src/fleetline/catalog/data

kernels: .venv/dev.stamp
	$(BIN)/python tools/fit_kernels.py ../shared/data/kernels src/fleetline/catalog/data

fit: .venv/dev.stamp
	$(MAKE) --jobs 2 fit-article fit-pooled

fit-article: .venv/dev.stamp
	$(BIN)/python tools/fit.py src/fleetline/catalog/data --article

fit-pooled: .venv/dev.stamp
	$(BIN)/python tools/fit.py src/fleetline/catalog/data --pooled --keep-sizes

fit-sizes: .venv/dev.stamp
	$(BIN)/python tools/fit.py src/fleetline/catalog/data --pooled

kernel-page: .venv/dev.stamp
	$(BIN)/python tools/kernel_page.py docs/kernels.md
rates: .venv/dev.stamp
	$(BIN)/python tools/rates.py src/fleetline/catalog/data

fitted-rates: .venv/dev.stamp
	$(BIN)/python tools/fitted_rates.py src/fleetline/catalog/data

ledger: .venv/dev.stamp
	$(BIN)/python tools/ledger.py src/fleetline/catalog/data

forecasts: .venv/dev.stamp
	$(BIN)/python tools/forecasts.py docs

golden: .venv/dev.stamp
	$(BIN)/python tools/golden.py tests/golden/study.csv

tables: .venv/dev.stamp
	$(BIN)/python tools/tables.py docs/deployments.md

pictures: report
	mkdir -p docs/figures
	cp out/figures/supply_against_demand.svg out/figures/load_over_time.svg docs/figures/
	$(BIN)/python tools/readme.py README.md docs/agents.md docs/cookbook.md docs/sweep.md docs/energy.md docs/index.md docs/model.md docs/today.md

sweep-page: .venv/dev.stamp
	$(BIN)/python benchmarks/sweep_scale.py docs/sweep.md

screenshots: .venv/dev.stamp report
	$(BIN)/python tools/screenshots.py docs/figures
	$(BIN)/python tools/report_picture.py out/report.html docs/figures/report.png

peers: .venv/dev.stamp
	PYTHONPATH=benchmarks:tools $(BIN)/python -m peers

reference: .venv/dev.stamp
	$(BIN)/python tools/reference.py docs

docs: .venv/dev.stamp
	$(BIN)/mkdocs build --strict

lock: .venv/dev.stamp
	$(BIN)/pip install --quiet uv
	for set in core web cluster dev audit; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --upgrade --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate requirements/$$set.in -o requirements/$$set.txt; done
	for peer in aiconfigurator genz-llm; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate benchmarks/peers/requirements/$$peer.in \
	  -o benchmarks/peers/requirements/$$peer.txt; done

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fleetline needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; \
	  echo "this Python cannot make a virtual environment (on Debian and Ubuntu: install python3-venv)" >&2; exit 1; }

# The stamp is written last: an interrupted set-up starts again instead of passing for whole.
.venv/core.stamp: requirements/core.txt pyproject.toml | .venv/pyvenv.cfg
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/dev.stamp: requirements/dev.txt .venv/core.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

clean:
	rm -rf .venv out
