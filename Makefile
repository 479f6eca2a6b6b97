# Everything one does with a checkout of Glidepath. `make` alone lists it.
# Only Python 3.11 or newer and make are needed; the rest is installed into .venv and .data.

.DEFAULT_GOAL := help
.PHONY: help run up test check static types lint browser rabbitmq bench screenshots faults upgrade-drill fuzz kubernetes sbom audit-deps coverage manage lock clean venv venv-dev new-venv
.SUFFIXES:

VENV := .venv/bin/python
# The tests start some three hundred processes: each would compile the whole application anew.
unexport PYTHONDONTWRITEBYTECODE
DATA := $(or $(GLIDEPATH_DATA),.data)
ARTIFACTS := .artifacts
TEMPLATES := templates $(wildcard apps/*/templates config/*/templates)

# What `check --deploy` is asked about: an installation as production has it.
DEPLOYED := DJANGO_SETTINGS_MODULE=config.settings DEBUG=0 GLIDEPATH_DEMO=0 \
	SITE_URL=https://glidepath.example ALLOWED_HOSTS=glidepath.example BEHIND_TLS_PROXY=1 \
	SECRET_KEY="$$($(VENV) -c 'import secrets; print(secrets.token_urlsafe(48))')" \
	DATABASE_URL=postgres://glidepath@database/glidepath?sslmode=verify-full \
	CELERY_BROKER_URL=rediss://broker:6379/0

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

run: venv  ## Start a clinic with fictional patients (PORT=8000 GLIDEPATH_DATA=.data)
	@exec $(VENV) -m config.embedded

COMPOSE := docker compose --env-file deploy/.env -f deploy/compose.yaml

# The tables first, by themselves: compose takes the processes of before away as soon as it begins to
# replace them, and where the tables cannot be made ready they have to go on.
up:  ## Start production in containers: database, broker and every process (PROFILE=tls)
	@python3 deploy/make_env.py
	$(COMPOSE) build
	$(COMPOSE) run --rm -T migrate
	$(COMPOSE) $(if $(PROFILE),--profile $(PROFILE)) up --detach --wait

test: browser rabbitmq static  ## Run every check and every test, in parallel
	@$(VENV) -m pytest -n auto --durations=5 --durations-min=20 $(ARGS)

check: static  ## Lint, types, migrations, deploy check, templates, import rules
	@$(VENV) -m pytest -q tests/test_architecture.py

# What needs no test: the types on one core, the rest on another.
static: venv-dev
	@$(MAKE) --no-print-directory -j2 types lint

types:
	@$(VENV) -m mypy

lint:
	@$(VENV) -m ruff check --quiet .
	@$(VENV) -m ruff format --check --quiet . || \
		{ echo "Run .venv/bin/ruff format . to lay out these files."; exit 1; }
	@DJANGO_SETTINGS_MODULE=config.settings_test $(VENV) -m config.embedded.throwaway \
		$(VENV) manage.py makemigrations --check --dry-run
	@env $(DEPLOYED) $(VENV) manage.py check --deploy --fail-level WARNING
	@$(VENV) -m djlint --lint --quiet $(TEMPLATES)

browser: venv-dev  # Find a Chromium for the browser tests, or install one
	@$(VENV) -m tests.harness.chromium

rabbitmq: venv-dev  # Find a RabbitMQ for its tests, or fetch one
	@$(VENV) -m tests.harness.rabbitmq_packages

bench: venv-dev  ## Measure the speed promises and write bench.json
	@$(VENV) -m tests.bench $(ARGS)

screenshots: browser  ## Draw every page of the fictional clinic into docs/images
	@$(VENV) -m tests.screenshots $(ARGS)

faults: venv-dev  ## Break every part in turn and count lost alerts
	@$(VENV) -m tests.faults $(ARGS)

upgrade-drill: venv-dev  ## Upgrade a clinic that takes check-ins and count what was lost
	@$(VENV) -m tests.upgrade $(ARGS)

fuzz: venv-dev  ## Ask every URL with what nobody should type (FUZZ_ROUNDS=20 FUZZ_SEED=…)
	$(call install,requirements-fuzz.txt)
	@$(VENV) -m pytest -q -s tests/fuzz/fuzz_urls.py tests/fuzz/fuzz_api.py $(ARGS)

kubernetes:  ## Hold deploy/kubernetes against the published schema of Kubernetes
	@test -x $(ARTIFACTS)/kubernetes/bin/kubernetes-validate || { \
		python3 -m venv $(ARTIFACTS)/kubernetes && $(ARTIFACTS)/kubernetes/bin/pip install -qq \
			--no-input --disable-pip-version-check --require-hashes -r requirements-kubernetes.txt; }
	@$(ARTIFACTS)/kubernetes/bin/kubernetes-validate --strict \
		$(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/*.yaml))

sbom: venv  ## Write what the installation is made of to sbom.json (CycloneDX 1.6)
	@$(VENV) -m config.sbom requirements.txt > sbom.json && echo "sbom.json"

audit-deps: venv  ## Ask PyPI for known weaknesses of every pinned package (needs network)
	@$(VENV) -m config.audit_deps requirements.txt requirements-dev.txt

coverage: venv-dev  ## Measure which lines and branches the tests reach
	@mkdir -p $(ARTIFACTS)
	@$(VENV) -m coverage erase
	@$(VENV) -m coverage run -m pytest $(ARGS)
	@$(VENV) -m coverage combine --quiet
	@$(VENV) -m coverage report

manage: venv  ## Run a command against the running clinic (ARGS="sweep_alerts")
	@test -f "$(DATA)/env" || { echo "No clinic runs on $(DATA): start one with make run."; exit 1; }
	@. "$$(cd "$(DATA)" && pwd)/env" && exec $(VENV) manage.py $(ARGS)

lock:  ## Compile requirements*.in into the pinned, hashed requirements*.txt
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	python3 -m venv "$$folder" && "$$folder/bin/pip" install --quiet uv && \
	for name in requirements requirements-dev requirements-fuzz requirements-kubernetes; do \
		"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header $$name.in -o $$name.txt || exit 1; \
	done

clean:  ## Remove what was installed and measured; the clinic's data stays
	rm -rf .venv $(ARTIFACTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A copy of the lock file inside .venv tells what is installed there.
define install
	@cmp -s $(1) .venv/$(1) || { \
		echo "Installing $(1), once …"; \
		$(VENV) -m pip install -qq --no-input --disable-pip-version-check \
			--require-hashes -r $(1) || \
		{ echo "The packages of $(1) could not be installed: see above, then try again."; exit 1; }; \
		cp $(1) .venv/$(1); }
endef

venv: $(if $(shell $(VENV) -c 'import pip' 2>/dev/null && echo works),,new-venv)
	$(call install,requirements.txt)

venv-dev: venv
	$(call install,requirements-dev.txt)

# Only when there is none that starts: a fresh clone, or the system's Python was replaced.
new-venv:
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
		python=; \
	done; \
	if [ -z "$$python" ]; then \
		echo "$(OLD_PYTHON)"; exit 1; \
	fi; \
	echo "Making .venv with $$("$$python" --version) …"; \
	"$$python" -m venv --clear .venv >/dev/null 2>&1 || { \
		rm -rf .venv; echo "$(NO_VENV)"; exit 1; }

OLD_PYTHON = Glidepath needs Python 3.11 or newer$(if $(PYTHON), and $(PYTHON) is not): \
	install it, or name it with PYTHON=/path/to/python3.
NO_VENV = This Python cannot make a virtual environment here: install its venv module \
	(Debian: apt install python3-venv), and see that this folder may be written to.
