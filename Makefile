# Everything a newcomer needs: make run, make test. Both share make setup.
PY ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test engines faults bench check setup lock docs models clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	$(PY) -c 'import sys; sys.exit("需要 Python 3.11 或更新版本，当前是 " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

run: setup
	$(BIN)/xiaomazha run

test: setup
	$(BIN)/python -m pytest -n auto --dist worksteal

# The Telegram tests with the oldest and the newest version of each library.
engines: setup
	tests/engines.sh

# Killed two hundred times and more, in every setting: is anything lost or done twice? FAULTS="--scenario … --seed …"
faults: setup
	$(BIN)/python -W "ignore:XDG_RUNTIME_DIR" -m tests.faults $(FAULTS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/xiaomazha check
	$(BIN)/xiaomazha docs --check

# Everything beside its peers, on a quiet machine with two cores or more; bench/README.md says what is measured.
bench: setup
	$(BIN)/python -m bench

# The two models the project ships, from the sentences in nlp/sentences: the same every time.
models: setup
	$(BIN)/python -m nlp.training

docs: setup
	$(BIN)/xiaomazha docs

# Pin again: newest versions that pyproject.toml admits, no index address in the file.
lock: setup
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --extra dev --extra build \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header -o requirements.lock pyproject.toml

clean:
	rm -rf .venv build *.egg-info
