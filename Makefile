# `make run` and `make test` do everything on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN_DIR ?= runs/digits

OLDEST = $(VENV)-oldest
# A worker runs all tests of a file; the long files come first.
# One worker more than there are CPUs: tests wait for processes they start.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST_FLAGS = -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run compare test test-oldest bench accuracy panel lint clean

# Plain training against the default: the first result, within a minute.
run: $(VENV)/.installed
	@$(BIN)/python -m fsr_gdw_tf.main --gin_file=gin/digits.gin \
	    --run_dir=$(RUN_DIR)
	@echo "Next: . $(BIN)/activate, then README.md, Your Keras model and" \
	    "A folder of images;" \
	    "make compare trains all methods"

# The table of all methods on the same digits: about a quarter of an hour.
compare: $(VENV)/.installed
	@$(BIN)/python -m fsr_gdw_tf.main --gin_file=gin/digits_all.gin \
	    --run_dir=$(RUN_DIR)_all

# Measure the cost of a step of each method: an hour or two, on a machine that
# does nothing else. Accuracy against cost is drawn if there is an accuracy
# table.
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/all_costs.py --csv=benchmarks/results/cost.csv \
	    --phases=benchmarks/results/phases.csv --figure=docs/figures/cost.svg \
	    $(if $(wildcard benchmarks/results/accuracy.csv), \
	        --accuracy_csv=benchmarks/results/accuracy.csv \
	        --frontier=docs/figures/frontier.svg)

# Measure the accuracy of each method: hours; a second call resumes. DATA_DIR is
# the folder that holds cifar10/.
accuracy: $(VENV)/.installed
	$(BIN)/python benchmarks/accuracy.py --data_dir=$(DATA_DIR) \
	    --csv=benchmarks/results/accuracy.csv

# Measure whether a method ever harms, on many data sets: days; a second call
# resumes. MINUTES ends a call: no run starts after them.
panel: $(VENV)/.installed
	$(BIN)/python benchmarks/panel.py --data_dir=$(DATA_DIR) \
	    $(if $(MINUTES),--minutes=$(MINUTES)) \
	    --csv=benchmarks/results/panel.csv

# Write the tables of README.md and docs/ from benchmarks/results/ and gin/.
.PHONY: tables
tables: $(VENV)/.installed
	$(BIN)/python benchmarks/readme_tables.py

# Build the site of docs/ in build/site; broken links are errors.
.PHONY: docs
docs: $(VENV)/.installed-docs
	$(BIN)/mkdocs build --strict --quiet

test: lint
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

# Try random inputs, others in each round, until one fails or MINUTES are over.
.PHONY: fuzz
fuzz: $(VENV)/.installed-dev
	end=$$(( $$(date +%s) + 60 * $(or $(MINUTES),30) )); \
	while [ $$(date +%s) -lt $$end ]; do \
	    FUZZ_EXAMPLES=300 $(BIN)/python -m pytest tests/fuzz || exit 1; \
	done

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Check the types of the public API, as users' own checkers see them.
.PHONY: types
types: $(VENV)/.installed-dev
	$(BIN)/mypy

# Run examples/*.py and write the notebooks with their outputs: minutes.
.PHONY: examples
examples: $(VENV)/.installed-examples
	$(BIN)/python examples/make_notebooks.py $(EXAMPLES)

# Build the wheel, and use it in a new environment and an empty folder.
.PHONY: wheel
wheel:
	PYTHON=$(PYTHON) .ci/wheel

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

$(VENV)/.installed-docs: setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -e ".[docs]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-examples: setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -e ".[examples]"
	touch $@ $(VENV)/.installed

# The oldest TensorFlow and Keras that setup.py allows.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest $(PYTEST_FLAGS)

$(OLDEST)/.installed: setup.py
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --no-input -e ".[dev]" "tensorflow==2.20.*" "keras==3.12.*"
	touch $@

# Not runs/: it holds results, which may have taken weeks.
clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info
