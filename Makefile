# Two commands: `make run` and `make test`. `make help` names the others.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON_VENV := .venv/bin/python
MANAGE := $(PYTHON_VENV) -m restai_site.embedded.throwaway $(PYTHON_VENV) manage.py
COMPILE := $(PYTHON_VENV) -m uv pip compile --quiet --universal --generate-hashes \
  --python-version 3.11 --no-emit-index-url --custom-compile-command "make requirements"
# Two workers: more gain nothing on two processors. Each begins with half of the tests, and takes of the
# other's when it is through, or the slow ones, which drive browsers, are left to one of them.
PYTEST_WORKERS ?= 2

.PHONY: help run test setup-test lint pytest format requirements secrets-baseline audit sbom bench bench-egress bench-identity bench-matrix bench-analytics bench-detectors bench-guards bench-audit bench-audit-pages bench-retention bench-widget train-guards clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

run: ## Start everything; prints the address and, the first time, a set-up link.
	@scripts/bootstrap run
	@exec $(PYTHON_VENV) -m restai_site.embedded.run

test: setup-test ## Check and test everything; installs what that needs.
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory pytest

setup-test:
	@scripts/bootstrap test
	@scripts/debian-packages
	@scripts/node-packages

lint: ## Style, types, layers, weaknesses, secrets, pins, templates, migrations, settings.
	$(PYTHON_VENV) -m ruff check .
	$(PYTHON_VENV) -m ruff format --check .
	$(PYTHON_VENV) -m mypy .
	.venv/bin/lint-imports
	$(PYTHON_VENV) -m bandit --quiet --configfile pyproject.toml --recursive .
	scripts/check-secrets
	$(PYTHON_VENV) scripts/check-requirements
	$(PYTHON_VENV) -m djlint . --lint --check
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) check --fail-level WARNING

pytest: ## The tests alone; ARGS="-k name" goes to pytest.
	@$(PYTHON_VENV) -m pytest -n $(PYTEST_WORKERS) --dist worksteal $(ARGS)

format: ## Put the code into the common form.
	$(PYTHON_VENV) -m ruff check --fix .
	$(PYTHON_VENV) -m ruff format .

requirements: ## Compile the requirements*.in files; UPGRADE=--upgrade takes newer versions.
	$(COMPILE) $(UPGRADE) requirements.in --output-file requirements.txt
	$(COMPILE) $(UPGRADE) requirements-build.in --output-file requirements-build.txt
	$(COMPILE) $(UPGRADE) requirements-ldap.in --output-file requirements-ldap.txt
	$(COMPILE) $(UPGRADE) requirements-embedded.in --output-file requirements-embedded.txt
	$(COMPILE) $(UPGRADE) --no-deps requirements-model.in --output-file requirements-model.txt
	$(COMPILE) $(UPGRADE) requirements-dev.in --output-file requirements-dev.txt
	$(COMPILE) $(UPGRADE) --no-deps requirements-training.in --output-file requirements-training.txt

secrets-baseline: ## Write anew what scripts/check-secrets may find; look at each difference.
	.venv/bin/detect-secrets scan --no-verify --baseline .secrets.baseline

audit: ## Look for known weaknesses in everything that is pinned; needs the network.
	@scripts/bootstrap test
	@scripts/audit

sbom: ## List what the platform is made of in build/sbom.cdx.json (CycloneDX).
	@scripts/bootstrap test
	@$(PYTHON_VENV) -m supply_chain.sbom build/sbom.cdx.json

bench: ## Measure requests per second against a mock provider.
	@scripts/bootstrap test
	@$(PYTHON_VENV) -m benchmarks.run

bench-egress: ## Measure what judging an outbound request costs.
	@scripts/bootstrap test
	@$(PYTHON_VENV) -m benchmarks.egress

bench-identity: ## Measure what it costs to find out whose API key a request has.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway \
	  $(PYTHON_VENV) -m benchmarks.identity

bench-detectors: ## Measure how long each detector of guards takes for 4 kB of text.
	@scripts/bootstrap test
	@OMP_NUM_THREADS=2 $(PYTHON_VENV) -m benchmarks.detectors

bench-guards: ## Measure what guards add to the first word and to the whole of an answer.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway --durable \
	  $(PYTHON_VENV) -m benchmarks.guards

bench-audit: ## Measure writing, sealing and verifying the audit trail with a million rows.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway --durable \
	  $(PYTHON_VENV) -m benchmarks.audit $(ARGS)

bench-audit-pages: ## Measure pages of the audit trail with ten million entries; takes some minutes.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway \
	  $(PYTHON_VENV) -m benchmarks.audit_pages $(ARGS)

bench-retention: ## Measure removing a million rows, and what chats notice of it.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway --durable \
	  $(PYTHON_VENV) -m benchmarks.retention $(ARGS)

bench-widget: ## Measure the size of the widget's script and the time until it can be opened.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway \
	  $(PYTHON_VENV) -m benchmarks.widget

train-guards: ## Make the classifier's model anew from its sources; takes some minutes.
	@scripts/bootstrap test
	$(PYTHON_VENV) -m uv pip install --quiet --require-hashes --no-deps --target build/training \
	  --requirement requirements-training.txt
	@DJANGO_SETTINGS_MODULE=restai_site.settings_types PYTHONPATH=build/training \
	  $(PYTHON_VENV) -m guards.training.train build/training

bench-matrix: ## Measure the permissions matrix with 10,000 users and 1,000 projects.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway \
	  $(PYTHON_VENV) -m benchmarks.matrix

bench-analytics: ## Measure the pages of use over five million calls; takes some minutes.
	@scripts/bootstrap test
	@DJANGO_SETTINGS_MODULE=restai_site.settings $(PYTHON_VENV) -m restai_site.embedded.throwaway \
	  $(PYTHON_VENV) -m benchmarks.analytics

clean: ## Remove what can be made again; the data in var/ stay.
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
