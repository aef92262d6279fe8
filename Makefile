# `make report` and `make test` build .venv by themselves, once; `make help` lists the rest.
#
# PYTHON=python3.12        another Python, 3.11 or newer
# TORCH_INDEX=URL          another package index for torch and torchaudio alone, for a small CPU-only build
# OUT=DIR                  where `make report` writes

PYTHON ?= python3
TORCH_INDEX ?=
OUT ?= reports/digits
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt
BENCHMARKS := $(filter-out harness clips physics sounds models_table,$(basename $(notdir $(wildcard benchmarks/*.py))))

.DEFAULT_GOAL := help
.PHONY: help report test fuzz bench lint format readme docs recordings wheel clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

report: $(VENV)/installed  ## a report on the shipped digits model and the first voice's twenty words
	$(BIN)/robustness report --model models/digits.toml --recordings recordings/joe --out $(OUT)

test: $(VENV)/installed-dev  ## every test, on all cores
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

bench: $(VENV)/installed-bench  ## every benchmark, beside the libraries that people use today; ARGS=--keep puts the tables into its README
	for each in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$each $(ARGS) || exit 1; done

fuzz: $(VENV)/installed-dev  ## twenty times as many drawn inputs as `make test` tries, and every hostile case
	FUZZ=20 $(BIN)/python -m pytest tests/test_fuzz.py $(ARGS)
	$(BIN)/python -m tests.hostile

lint: $(VENV)/installed-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-dev  ## ruff's fixes and layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

readme: $(VENV)/installed  ## the stored tables of `list`, and that of docs/perturbations.md, from the registries
	$(BIN)/python -m robustness.jobs.catalogue
	$(BIN)/robustness list perturbations --markdown > $(VENV)/table.md
	sed -i -e '/^<!-- robustness list/r $(VENV)/table.md' -e '/^| name |/,/^<!-- end/{/^<!-- end/!d}' docs/perturbations.md

docs: $(VENV)/installed-docs  ## the site of docs/, in build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m benchmarks.sounds build/docs/sounds

recordings: $(VENV)/installed-recordings  ## the shipped recordings again, byte for byte
	$(BIN)/python recordings/make.py

wheel: $(VENV)/installed  ## dist/speech_robustness-….whl
	$(PIP) wheel --quiet --no-deps --wheel-dir dist .

clean:  ## away with .venv and caches; runs stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache *.egg-info

$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(INSTALL) --index-url $(TORCH_INDEX) torch torchaudio)
	$(INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(INSTALL) --editable '.[dev,docs,onnx,micro,tflite-micro,tflite,bucket,ray,rooms,device,codecs]'
	touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) --editable '.[docs]'
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(INSTALL) --editable '.[bench,onnx,ray]'
	touch $@

$(VENV)/installed-recordings: $(VENV)/installed
	$(INSTALL) --editable '.[recordings]'
	touch $@
