# make app   set everything up and open the dashboard
# make test  set everything up and check everything
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# SKIP_BROWSER=1 leaves out the tests that need Chromium; the summary of pytest says so.
SKIP_BROWSER ?=
export SKIP_BROWSER
PORT ?= 8501

.DEFAULT_GOAL := help
.PHONY: help app test check model soak lint format types imports browser clean

help:
	@sed -n 's/^# //p' $(firstword $(MAKEFILE_LIST)) | head -2
	@echo "make check  what needs neither a browser nor TensorFlow"
	@echo "make model DATA=fer2013.csv [VOTES=fer2013new.csv]  trains the shipped model again: hours; an interrupted one goes on"
	@echo "make soak   the camera for many minutes: memory, threads, sockets; a training killed twenty times"
	@echo "make lint | types | imports | format | clean"

app: $(VENV)/.app
	$(BIN)/python -m streamlit run app.py --server.port=$(PORT)

test: check browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "training and not e2e and not soak"
	rm -rf test-results
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "e2e and not alone and not soak"
	$(BIN)/python -m pytest -m "alone and not soak"

check: lint types imports
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not e2e and not training and not soak"

model: $(VENV)/.app
	@test -n "$(DATA)" || { echo "Type: make model DATA=path/to/fer2013.csv [VOTES=path/to/fer2013new.csv]"; exit 2; }
	$(BIN)/python -m scripts.make_model "$(DATA)" $(if $(VOTES),"$(VOTES)")

# Half an hour: ten minutes of a camera, thirty viewers who come and go; a training killed at twenty random moments.
soak: $(VENV)/.dev browser
	$(BIN)/python -m pytest -m soak -s tests/soak

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet . || { echo "Type: make format"; exit 1; }

format: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

browser:
	@scripts/ensure_browser

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache test-results

# The stamps are newer than the requirements they were installed from; a changed list installs again.
$(BIN)/pip:
	@scripts/ensure_venv "$(PYTHON)" $(VENV)

$(VENV)/.app: requirements.txt requirements-training.txt constraints.txt | $(BIN)/pip
	@echo "Installing what the app needs into $(VENV): a few minutes the first time ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt constraints.txt $(VENV)/.app
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt -c constraints.txt
	@touch $@
