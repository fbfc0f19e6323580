# Needs Python >= 3.11 and make; everything else is installed into .venv by the first target that needs it.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp-setup
BENCH := .venv-bench
BENCH_STAMP := $(BENCH)/.stamp-setup
PYTHON ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check check-format check-lint check-imports check-types check-arch bench soak langgraph-suite tree clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## install everything into .venv

# Repeated only when the dependencies change. uv is installed by pip, so pip's settings say where from; settings of pip in
# the environment are handed on to uv, which does not read them itself.
$(STAMP): pyproject.toml constraints.txt
	@set -e; \
	python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		for name in python3.13 python3.12 python3.11 python3 python; do \
			if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
				python="$$name"; break; \
			fi; \
		done; \
	fi; \
	if [ -z "$$python" ]; then \
		echo "toolcrib needs Python 3.11 or newer; none was found. Install one, or say where: make setup PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
		echo "toolcrib needs Python 3.11 or newer; $$python is older, or does not run." >&2; \
		exit 1; \
	fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "making $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv --clear $(VENV) || { \
			echo "could not make $(VENV). On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }; \
	fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv; \
	if [ -n "$${PIP_INDEX_URL:-}" ] && [ -z "$${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$$PIP_INDEX_URL"; fi; \
	if [ -n "$${PIP_CERT:-}" ] && [ -z "$${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$$PIP_CERT"; fi; \
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -b constraints.txt -e '.[dev,offline]'; \
	touch $(STAMP)

demo: $(STAMP) ## play the whole story, no key and no network (ARGS=--once ends by itself)
	$(BIN)/toolcrib demo $(ARGS)

# Two workers, because the tests are also run on small machines; a module stays on one worker, with its fixtures.
test: $(STAMP) ## run the tests (ARGS="-k name" picks some)
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "not soak and not service" $(ARGS)

check: $(STAMP) ## format, lint, floors, types, house rules
	@$(MAKE) --no-print-directory -k -j 2 check-types check-arch check-imports check-lint check-format

check-format: $(STAMP)
	$(BIN)/ruff format --check .

check-lint: $(STAMP)
	$(BIN)/ruff check .

check-imports: $(STAMP)
	$(BIN)/lint-imports

check-types: $(STAMP)
	$(BIN)/mypy

check-arch: $(STAMP)
	$(BIN)/python -m pytest -q tests/arch

# The peers want other versions of some packages: their own environment, pinned in benchmarks/peers.txt.
$(BENCH_STAMP): $(STAMP) benchmarks/peers.txt
	@$(BIN)/python -m venv --clear $(BENCH)
	@sed -n 's/^\([a-z][a-z0-9-]*\)==.*/^\1==/p' benchmarks/peers.txt | grep -v -f - constraints.txt > $(BENCH)/constraints.txt
	@if [ -n "$${PIP_INDEX_URL:-}" ] && [ -z "$${UV_DEFAULT_INDEX:-}" ]; then export UV_DEFAULT_INDEX="$$PIP_INDEX_URL"; fi; \
	if [ -n "$${PIP_CERT:-}" ] && [ -z "$${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$$PIP_CERT"; fi; \
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python -c $(BENCH)/constraints.txt -e '.[dev,offline]' -r benchmarks/peers.txt
	@touch $(BENCH_STAMP)

bench: $(BENCH_STAMP) ## run the benchmarks, one after the other, beside the peers
	@set -e; for file in benchmarks/*.py; do \
		echo "== $$file"; $(BENCH)/bin/python "$$file" $(ARGS); \
	done

soak: $(STAMP) ## run the tests that take minutes
	$(BIN)/python -m pytest -m soak --timeout 7200 $(ARGS)

# LangGraph's tests are in its source distribution only; nothing of it is built or installed. The version is the installed one.
langgraph-suite: $(STAMP) ## run LangGraph's own tests of its ToolNode against ours
	@set -e; home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; \
	version=$$($(BIN)/python -c 'from importlib.metadata import version; print(version("langgraph-prebuilt"))'); \
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: -d "$$home" \
		"langgraph-prebuilt==$$version"; \
	tar -xzf "$$home"/langgraph_prebuilt-*.tar.gz -C "$$home" --strip-components=1; \
	TOOLCRIB_LANGGRAPH_TESTS="$$home" $(BIN)/python -m pytest -q tests/clients/test_langgraph_tool_node.py $(ARGS)

tree: $(STAMP) ## redraw the tree in ARCHITECTURE.md
	$(BIN)/python tests/arch/architecture_tree.py --write

clean: ## remove .venv, caches and build results
	rm -rf $(VENV) $(BENCH) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.git/*' -exec rm -rf {} +
