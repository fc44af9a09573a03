# Thin: every target is one or two commands, and CONTRIBUTING.md says how to do without make.
PYTHON ?= python3
BIN    := .venv/bin
UV     := .uv/bin/uv
INSTALL = $(UV) pip install -q --python $(BIN)/python --compile-bytecode -e ".[dev]" -c constraints.txt
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONNOUSERSITE := 1
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

.PHONY: course lab test docs data refresh help
help:
	@echo "make course   run every chapter once, at smoke scale, and show what came out"
	@echo "make lab      work through the chapters in JupyterLab, on a copy of your own"
	@echo "make data     fetch the real pictures from Kaggle and check them"
	@echo "make test     what CI runs"
	@echo "make docs     build the docs site into _docs"
	@echo "make refresh  run chapters at full scale on the real data and keep their outputs (CH=02 for one)"

course: .venv/made
	@$(BIN)/asl_run --scale smoke --out _course

lab: .venv/made
	@$(BIN)/asl_work
	$(BIN)/jupyter lab --config .lab/config.py --notebook-dir work

test: .venv/made
	$(BIN)/python -m pytest tests/first
	$(BIN)/python tests/notebooks.py
	$(BIN)/python -m pytest tests -n 2 --dist loadfile

docs: .venv/made
	$(BIN)/python .ci/docs.py

data: .venv/made
	$(BIN)/asl_data

refresh: .venv/made
	$(BIN)/asl_refresh $(CH)

# The environment: made by uv in .venv, again when settings or pins change. TORCH=cpu asks for the small CPU build.
.venv/made: settings.ini constraints.txt setup.py pyproject.toml
	@echo "Making the environment in .venv (once; a few minutes when packages must be downloaded)"
	@$(PYTHON) -m pip install -q --disable-pip-version-check --upgrade --target .uv -c constraints.txt uv
	@$(UV) venv -q --clear --python $(PYTHON) .venv
ifeq ($(TORCH),cpu)
	@UV_TORCH_BACKEND=cpu $(INSTALL) || { echo "No CPU build of torch within reach: taking the standard one"; $(INSTALL); }
else
	@$(INSTALL)
endif
	@touch $@
