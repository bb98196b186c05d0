# qmailpanel: make help

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
# lint and tests keep away from the data of a panel that runs here
APART := QMAILPANEL_STATE_DIR=$(CURDIR)/.venv/state DATABASE_URL= QMAILPANEL_BASE_URL=https://panel.example.org
PROGRAMS := /usr/bin/chromium /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf /usr/bin/doveadm /usr/lib/dovecot/imap /usr/lib/dovecot/pop3 /usr/sbin/deliverquota \
	/usr/bin/git /usr/bin/systemd-analyze /usr/sbin/nginx /usr/bin/openssl /usr/bin/strace \
	/usr/bin/fusermount3 /usr/sbin/mkfs.ext4 /usr/sbin/mkfs.xfs
PACKAGES := chromium fonts-dejavu-core dovecot-core dovecot-imapd dovecot-pop3d maildrop git systemd nginx-light openssl strace \
	fuse3 e2fsprogs xfsprogs

.PHONY: help run test test-browser test-sync test-others soak lint fmt docs bench pages load mutants programs
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run: .venv/installed  ## start the panel and its sync service; Ctrl-C ends both
	@exec $(BIN)/python manage.py run

test: .venv/installed-dev programs lint  ## lint, then all tests, in three processes beside each other
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target test-sync test-browser test-others

test-browser:
	@$(BIN)/python -m pytest -m e2e
	@$(BIN)/python -m pytest tests/console tests/commands

test-sync:
	@$(BIN)/python -m pytest tests/sync

test-others:
	@$(BIN)/python -m pytest -m "not e2e" --ignore tests/sync --ignore tests/console --ignore tests/commands

soak: .venv/installed-dev programs  ## kill a run 10,000 times, cut the power 500 times, fail every system call, mail beside a real qmail
	@TEST_HISTORIES=500 TEST_KILLS=10000 TEST_SOAK=1 TEST_ARCHIVE=500 TEST_DRILLS=2000 TEST_CUTS=500 TEST_STREAM=600 TEST_WORLDS=1000 $(BIN)/python -m pytest -rP --show-capture=stdout \
		tests/sync/test_histories.py tests/sync/test_kill.py tests/sync/test_archive_kill.py tests/sync/test_archive.py tests/sync/test_drill.py tests/sync/test_faults.py \
		tests/sync/test_power_cut.py tests/qmail/plan/test_plan.py tests/qmail/real/test_real_qmail_soak.py
	@$(MAKE) --no-print-directory load mutants

lint: .venv/installed-dev  ## style, types, templates, import directions, migrations, settings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(APART) $(BIN)/mypy
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(APART) $(BIN)/python manage.py makemigrations --check --dry-run --verbosity 0
	@$(APART) $(BIN)/python manage.py check --deploy --fail-level WARNING > /dev/null

fmt: .venv/installed-dev  ## write code in the one style
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

docs: .venv/installed  ## print docs/settings.md from where the settings are declared
	@$(BIN)/python -m qmailpanel.environment.document > docs/settings.md

bench: .venv/installed-dev  ## measure the panel against the floor
	@$(BIN)/python -m bench $(BENCH)

pages: .venv/installed-dev  ## every page at 1,000,000 mailboxes in 20,000 domains; on PostgreSQL too with PAGES_DATABASE_URL, an empty one
	@$(BIN)/python -m bench.vast
	@test -z "$$PAGES_DATABASE_URL" || $(BIN)/python -m bench.vast --database "$$PAGES_DATABASE_URL"

load: .venv/installed-dev  ## everybody at the door for five minutes; on PostgreSQL too with LOAD_DATABASE_URL, an empty one
	@$(BIN)/python -m bench.load --seconds 300
	@test -z "$$LOAD_DATABASE_URL" || $(BIN)/python -m bench.load --seconds 300 --database "$$LOAD_DATABASE_URL"

mutants: .venv/installed-dev  ## whether tests notice 300 small changes of the modules they stand beside; part of make soak
	@$(BIN)/python -m bench.mutants

.venv/installed: requirements.txt .venv/bin/pip
	@echo "Installing …"
	@$(PIP) --requirement requirements.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/bin/pip
	@echo "Installing what lint and tests need …"
	@$(PIP) --requirement requirements-dev.txt
	@touch $@

.venv/bin/pip:
	@command -v $(PYTHON) > /dev/null || { echo "qmailpanel needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "qmailpanel needs Python 3.11 or newer; $$($(PYTHON) --version 2>&1) is too old. Name another one: make run PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv > /dev/null 2>&1 || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment here: apt-get install python3-venv"; exit 1; }

programs:
	@ls $(PROGRAMS) > /dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ]; then apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(PACKAGES) > /dev/null; \
	else echo "The tests need some of Debian's programs: run as root apt-get install --no-install-recommends $(PACKAGES)"; exit 1; fi
