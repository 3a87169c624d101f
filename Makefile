# make tour    a look around: a service with a sample organisation, and a notebook (BROWSER=none: without JupyterLab)
# make test    what has to pass; with CI=true also the slow tests, and nothing may be left out
# PYTHON=...   another Python than the newest of 3.13 to 3.10

VENV := .venv
# A pyenv shim may stand on the PATH and run nothing: ask each whether it does.
PYTHON := $(shell for python in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done)
BIN := $(VENV)/bin
HOME_OF_TOUR := $(CURDIR)/.tour

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The environment is made anew when what it is made from changes, and when another Python is named.
MADE := $(VENV)/.made-by-$(notdir $(PYTHON))
WITH_TOUR := $(MADE)-for-tour
WITH_TESTS := $(MADE)-for-tests

.PHONY: tour test test-slow check bench screenshots clean help

help:
	@sed -n 's/^# //p' Makefile

$(MADE): pyproject.toml
	@test -n "$(PYTHON)" || { echo "polly-magic needs Python 3.10 to 3.13: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' \
	|| { echo "$(PYTHON) is not of 3.10 to 3.13; name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	|| { echo "$(PYTHON) makes no environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(WITH_TOUR): $(MADE)
	@echo "Installing polly-magic and JupyterLab ..."
	@$(BIN)/python -m pip install --quiet --editable '.[service]' jupyterlab nbconvert ipykernel
	@touch $@

$(WITH_TESTS): $(MADE)
	@echo "Installing polly-magic and what its tests need ..."
	@$(BIN)/python -m pip install --quiet --editable '.[service,test]'
	@touch $@ $(WITH_TOUR)

tour: $(WITH_TOUR)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh notebooks/tour.sh "$(HOME_OF_TOUR)"

check: $(WITH_TESTS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

# The browser and the programs beside docker are found on the PATH; what is missing is said at the end.
test: check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(if $(filter-out 0 false,$(CI)),,-m "not slow") $(PYTEST)

test-slow: $(WITH_TESTS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m slow $(PYTEST)

bench: $(WITH_TESTS)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

# The README's pictures, into docs/screenshots/: look at them before you commit them.
screenshots: $(WITH_TESTS)
	PATH="$(CURDIR)/$(BIN):$$PATH" PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring $(BIN)/python -m tests.browser.screenshots

# The tour's service is stopped first: it may have been left running by a terminal that was closed.
clean:
	@test ! -d "$(HOME_OF_TOUR)" || PATH="$(CURDIR)/$(BIN):$$PATH" sh notebooks/tour.sh "$(HOME_OF_TOUR)" --stop || true
	rm -rf $(VENV) "$(HOME_OF_TOUR)" build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
