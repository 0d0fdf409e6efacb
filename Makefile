# `make run` and `make test` do everything on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN_DIR ?= runs/digits

.PHONY: run test lint clean

run: $(VENV)/.installed
	$(BIN)/python -m fsr_gdw_tf.main --gin_file=gin/digits.gin \
	    --run_dir=$(RUN_DIR)

test: lint
	$(BIN)/python -m pytest -n auto

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# pip is told not to ask anything and not to look for a newer pip.
$(VENV)/.installed: setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -e .
	touch $@

$(VENV)/.installed-dev: setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -e ".[dev]"
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) runs build dist *.egg-info
