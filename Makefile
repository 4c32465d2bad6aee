# Each target does its own set-up: .venv, uv inside it, the versions of constraints.txt. Needs Python ≥ 3.11 and make.
PYTHON ?= python3
RESOLUTION ?= lowest-direct
BIN := .venv/bin
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --require-hashes -r pyproject.toml
EDITABLE := $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
SOURCES := pyproject.toml constraints.txt

.PHONY: demo lab test test-versions check lint format size book bench calibrate attack sample chromium postgres constraints clean

demo: .venv/core                     ## the main job, end to end: sample exports to one megafile, and how well it did
	$(BIN)/campaignkit demo

lab: .venv/lab                       ## JupyterLab on the example notebooks
	$(BIN)/campaignkit lab build/lab

test: .venv/test                     ## the fast tests
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not slow and not spark" -q

test-versions: .venv/uv              ## the fast tests on the oldest versions allowed, or RESOLUTION=highest: the newest there are
	$(PYTHON) -m venv build/$(RESOLUTION)
	$(BIN)/uv pip install --quiet --python build/$(RESOLUTION)/bin/python --resolution $(RESOLUTION) --editable '.[lab]' --group test
	build/$(RESOLUTION)/bin/python -m pytest -n 2 --dist loadfile -m "not browser and not slow and not spark" -q

check: .venv/check                   ## the slow ones: browser, book, killed processes, long searches for counterexamples, Spark
	$(BIN)/python -m pytest -m "browser or slow or spark" -q

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check campaignkit

format: .venv/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

size: .venv/test                     ## lines, modules, circles, duplicated runs; BASE=commit for that commit beside today's
	$(BIN)/python -m tests.size $(BASE)

book: .venv/check                    ## the notebooks and the reference as a site that opens from a folder
	$(BIN)/sphinx-build -W --keep-going -q book build/book

bench: .venv/test                    ## time, CPU and memory: ours and the peer's, same data, same run; into book/benchmarks/; BENCH=name for one
	$(BIN)/python -m tests.benchmarks --keep $(BENCH)

calibrate: .venv/test                ## rates by repetition: make calibrate ROOM=segments REPS=1000; goes on where it stopped
	$(BIN)/python -m tests.calibration $(ROOM) $(REPS)

attack: .venv/test                   ## damage at random, and no suppressed person on a list: make attack N=2000; goes on where it stopped
	$(BIN)/python -m tests.attack $(N)

sample: .venv/core                   ## make sample_data/ anew
	$(BIN)/campaignkit sample sample_data --people 130000
	$(BIN)/campaignkit sample sample_data_20121031 --people 130000 --drop 2012-10-31

chromium:                            ## what `make check` drives notebooks with; on Debian, as root
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -y -q chromium)

postgres:                            ## what `make check` reads tables from; on Debian, as root; without it that test is skipped
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql) || \
	  echo "There is no Postgres server: its test will be skipped."

constraints: .venv/core              ## pin the newest versions that go together
	$(BIN)/uv pip compile pyproject.toml --all-extras --group build --group lint --group test --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --quiet -o constraints.txt

clean:
	rm -rf .venv build

.venv/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "campaignkit needs Python 3.11 or newer; $(PYTHON) is older. Say which: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

.venv/core: .venv/uv $(SOURCES)
	$(INSTALL) --group build
	$(EDITABLE)
	@touch $@

.venv/lab: .venv/core
	$(INSTALL) --extra lab
	@touch $@

.venv/test: .venv/core
	$(INSTALL) --extra lab --group lint --group test
	@touch $@

.venv/check: .venv/test
	$(INSTALL) --extra lab --extra book --extra spark
	@touch $@
