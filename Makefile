# make app   set everything up and open the dashboard
# make test  set everything up and check everything
#
# Each target is a command of scripts/run.py, which does the same without make: python scripts/run.py app
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
RUN = $(PYTHON) scripts/run.py
# SKIP_BROWSER=1 leaves out the tests that need Chromium; the summary of pytest says so.
SKIP_BROWSER ?=
export SKIP_BROWSER
PORT ?= 8501

.DEFAULT_GOAL := help
COMMANDS := test check quick coverage lint format types imports docs wheel soak attack deploy-test lock sbom clean
.PHONY: help app model $(COMMANDS)

help:
	@$(RUN) --help

app:
	@$(RUN) app --port=$(PORT)

model:
	@test -n "$(DATA)" || { echo "Type: make model DATA=path/to/fer2013.csv [VOTES=path/to/fer2013new.csv]"; exit 2; }
	@$(RUN) model "$(DATA)" $(if $(VOTES),"$(VOTES)")

$(COMMANDS):
	@$(RUN) $@
