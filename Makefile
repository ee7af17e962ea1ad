# Two commands do everything, set-up included: `make reproduce` and `make test`.
# Pass arguments on with ARGS, e.g.  make test ARGS="tests/laws -x"

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup reproduce test lint golden

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## make .venv with the pinned packages; does nothing when it is up to date
	@scripts/setup.sh

reproduce: setup  ## demonstrations, training, evaluation and the report, from nothing
	@source .venv/gl.env && exec .venv/bin/para reproduce $(ARGS)

test: setup  ## the tests
	@scripts/browser.sh
	@source .venv/gl.env && OMP_NUM_THREADS=1 exec .venv/bin/python -m pytest $(ARGS)

lint: setup  ## style and formatting
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .

golden: setup  ## rewrite what tests compare with (README's tree, the public names) after a wanted change
	@UPDATE_GOLDEN=1 .venv/bin/python -m pytest tests/test_tree.py tests/test_api.py
