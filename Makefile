# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# PyTorch's CPU builds live on their own index. It is asked only where the configured registry has none.
TORCH_CPU := https://download.pytorch.org/whl/cpu

.PHONY: run test lint bench lock clean

run: $(READY)
	$(BIN)/yardwatch run configs/sample.yaml --out out/sample

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python benchmarks/wagons.py
	$(BIN)/python benchmarks/score_real.py --detector edges
	$(BIN)/yardwatch run configs/sample.yaml --out out/sample
	$(BIN)/python benchmarks/sample_truth.py out/sample
	$(BIN)/python benchmarks/public_imagery.py
	$(BIN)/python benchmarks/goods.py
	$(BIN)/python -m benchmarks.occupancy
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.scale_model

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock || \
	  $(BIN)/python -m pip install --quiet --require-hashes --extra-index-url $(TORCH_CPU) -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --upgrade \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf out $(VENV)
