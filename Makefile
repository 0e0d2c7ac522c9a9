# What a contributor runs; `make` alone prints the list. The README gives the same steps without make.
# Nothing here needs more than GNU make 3.81, which is what macOS has.

PORT   = 8000# where `make serve` and `make prose` serve
TORCH  =# cpu: take torch from PyTorch's own index of CPU wheels, a tenth of the download
PYTHON =# the Python to make .venv with, instead of the newest fitting one
ARGS   =# passed on to pytest by `make test`, and to the command line by `make measure` and `make links`

PYTHONS  = $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python)
BIN      = $(if $(filter Windows_NT,$(OS)),Scripts,bin)
PY       = .venv/$(BIN)/python
PROSE_PY = .venv-prose/$(BIN)/python

# The theme's note about MkDocs 2 at every build; what it means for us stands in how-it-is-built.md.
export NO_MKDOCS_2_WARNING = 1

.DEFAULT_GOAL := help
.PHONY: help serve prose site test update check format lint types imports spelling readability \
  bench measure links mutants clean setup setup-prose

help:
	@echo "make ...   sets up .venv where that is missing, then:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Options: PORT=8001  TORCH=cpu  PYTHON=python3.12  ARGS='-k one_test'"

serve: setup ## build the site, serve it, and reload the page when a file changes
	@$(PY) .ci/serve.py --port $(PORT)

prose: setup-prose ## serve for editing text only: no torch, no experiment, placeholders for missing numbers
	@$(PROSE_PY) .ci/serve.py --port $(PORT) --prose

site: setup ## build the site into site/, for any static host; a warning is an error
	$(PY) -m mkdocs build --strict

test: setup ## run every test, the code and the numbers on the pages included
	$(if $(ARGS),,@$(PY) -m reluguide evidence)
	$(if $(ARGS),,@$(PY) -m reluguide evidence --check)
	$(PY) -m pytest $(or $(ARGS),-n 2 --dist loadfile)

update: setup ## run the code on the pages (or on ARGS=docs/questions/one.md) and rewrite the outputs under it
	$(PY) -m pytest --update-outputs $(or $(ARGS),docs README.md)

check: format lint types imports spelling readability ## format, lint, types, the direction of imports, spelling, plain words

format: setup
	$(PY) -m ruff format --check

lint: setup
	$(PY) -m ruff check

types: setup
	$(PY) -m mypy

imports: setup
	$(dir $(PY))lint-imports

spelling: setup
	$(PY) -m codespell_lib

readability: setup
	@$(PY) -m tests.readability

bench: setup ## print how fast the site builds beside stock Material, and the sweeps beside a plain loop
	@for file in tests/bench/[a-z]*.py; do \
	  echo "== $$file"; $(PY) "$$file" || exit 1; \
	done

measure: setup ## measure times on this device and record them in reluguide/recorded/
	$(PY) -m reluguide measure $(ARGS)

links: setup ## ask every external link whether it still answers (needs a network)
	$(PY) -m reluguide links $(ARGS)

mutants: setup ## change the code at random places and count how many changes the tests notice
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt cosmic-ray==8.7.0
	$(PY) tests/mutants.py $(ARGS)

clean: ## remove what was built: site, store, caches; .venv stays
	rm -rf site dist build .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find reluguide tests snippets docs -type d -name __pycache__ -prune -exec rm -rf {} +

# Any Python that starts can run the set-up, which then looks for a fitting one and says so if there is none.
start = @for python in $(1) $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; \
	  then exec "$$python" .ci/setup.py $(2) $(PYTHONS); fi; \
	done; \
	echo "No Python found. The guide needs Python 3.11 to 3.14: https://www.python.org/downloads/" >&2; exit 1

setup:
	$(call start,$(PY),--torch '$(TORCH)')

setup-prose:
	$(call start,$(PROSE_PY),--prose)
