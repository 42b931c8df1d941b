# What one does with this project. `just RECIPE`, or without just: `python3 tools/just.py RECIPE`.
# Each recipe makes the environment that it needs on first use (tools/environments.py).

set positional-arguments

root := justfile_directory()
python := quote(root / ".just/env/bin/python")
just := quote(just_executable()) + " --justfile " + quote(justfile())
prepare := quote(env("AEGIS_JUST_PYTHON", "python3")) + " " + quote(root / "tools/just.py") + " --prepare"

# List the recipes.
default:
    @{{ just }} --list --unsorted

# Make what running the gate needs.
[no-exit-message]
[private]
run-environment:
    @{{ prepare }} demo

# Make what working on the gate needs.
[no-exit-message]
[private]
dev-environment:
    @{{ prepare }} dev

# Make what running other people's clients needs.
[no-exit-message]
[private]
node-environment:
    @{{ prepare }} node

# ---------------------------------------------------------------------------------------- the gate

# The gate in front of an embedded demo forge: `--port`, `--forge-port`, `--state DIR`.
[no-cd]
[no-exit-message]
demo *ARGS: run-environment
    @exec {{ python }} -m aegis_trio demo "$@"

# The gate, configured by the environment and `.env`.
[no-exit-message]
serve *ARGS: run-environment
    @exec {{ python }} -m aegis_trio serve "$@"

# Check the configuration without serving.
[no-exit-message]
doctor *ARGS: run-environment
    @exec {{ python }} -m aegis_trio doctor "$@"

# What a client must be told to reach the gate; without a client's name: which ones there are.
[no-exit-message]
connect *ARGS: run-environment
    @exec {{ python }} -m aegis_trio connect "$@"

# Make an API key.
[no-exit-message]
keygen *ARGS: run-environment
    @exec {{ python }} -m aegis_trio keygen "$@"

# Replace the API key in `.env`, or add one beside it.
[no-exit-message]
rotate *ARGS: run-environment
    @exec {{ python }} -m aegis_trio rotate "$@"

# Signing in with Gitea: `oauth setup`, `oauth grants list`, `oauth revoke`, …
[no-exit-message]
oauth *ARGS: run-environment
    @exec {{ python }} -m aegis_trio oauth "$@"

# List, revoke and import API keys.
[no-exit-message]
keys *ARGS: run-environment
    @exec {{ python }} -m aegis_trio keys "$@"

# How old the API keys are: exit 0 fine, 1 expiring, 2 expired.
[no-exit-message]
key-age *ARGS: run-environment
    @exec {{ python }} -m aegis_trio key-age "$@"

# Talk to a gate over its WebSocket debugging transport, by hand or in scripts.
[no-exit-message]
console *ARGS: run-environment
    @exec {{ python }} -m aegis_trio console "$@"

# ---------------------------------------------------------------------------------------- the work

# All gates and all tests; with arguments, pytest alone with these.
[no-exit-message]
test *ARGS: node-environment
    @if [ "$#" -gt 0 ]; then exec {{ python }} -m pytest "$@"; else exec {{ just }} gates; fi

[private]
gates: format-check lint types layers coverage

[private]
format-check: dev-environment
    {{ python }} -m ruff format --check

# Rewrite the code in the house's format.
format: dev-environment
    {{ python }} -m ruff format
    {{ python }} -m ruff check --fix

# ASYNC9: that every way out is a checkpoint is trio's rule for its own library, not for programs that use it.
# ASYNC114: would need a second list of what `nursery.start` starts. ASYNC124: an interface is async for its slowest.
# ASYNC127: which HTTP client we use is a decision with its own reasons, not a matter of style.
async_ignored := "ASYNC9,ASYNC114,ASYNC124,ASYNC127"

# Style and traps: ruff, and flake8-async, which knows traps of trio that ruff does not.
lint: dev-environment
    {{ python }} -m ruff check
    {{ python }} -m flake8 --isolated --select=ASYNC --extend-ignore={{ async_ignored }} aegis_trio tests tools

# Both type checkers, strict.
types: dev-environment
    {{ python }} -m mypy
    {{ python }} -m basedpyright --pythonpath {{ python }}

# Imports point downwards only.
layers: dev-environment
    {{ quote(root / ".just/env/bin/lint-imports") }}

# All tests, two at a time, with the gate on branch coverage; `--cov-report=html` shows it line by line.
coverage *ARGS: node-environment
    {{ python }} -m pytest -n 2 --dist worksteal --cov --cov-report=term "$@"

# The official conformance suite: `fixtures`, `product`, or both.
[no-exit-message]
conformance *ARGS: node-environment
    @exec {{ python }} tools/conform.py "$@"

# Known vulnerabilities in what we install; says so where the database cannot be reached.
audit-deps: dev-environment
    @exec {{ python }} tools/audit_deps.py

# The measured claims, as ratios; `--only` some, `--quick` to see that it works, `--write` for the page.
bench *ARGS: dev-environment
    @exec {{ python }} tools/bench "$@"

# Resolve the dependencies anew; keeps what fits (`just lock --upgrade` takes the newest).
lock *ARGS: dev-environment
    @exec {{ python }} tools/lock.py "$@"

# ----------------------------------------------------------------------------------- the container

# Build the container image.
image *ARGS:
    docker build --file containers/Dockerfile --tag aegis-gitea-mcp "$@" .

# Start the gate behind Traefik.
up *ARGS:
    docker compose --file containers/compose.yml up --detach "$@"
