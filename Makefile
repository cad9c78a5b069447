# Everything happens in this checkout: .venv holds the tools, .demo what the demo leaves behind, .cache what may be thrown away.

# process_crash or disk_pressure.
SCENARIO ?= process_crash
# person: wait for somebody to press the button on the page. auto: press it after a moment. Without: a person in a terminal.
ANSWER ?=
# accept, latency or reclaim. Without: all of them.
BENCH ?=
# How much is killed, and the seed that chooses when. Without a seed: another one each time.
KILLS ?= 20
SEED ?=
# Series of ansible-core to attack, like 2.16 2.19. Without: all.
CORES ?=
# How long make fuzz takes.
SECONDS ?= 600

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
# Ansible's own files stay in the checkout, and no personal configuration changes what happens here.
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_CONFIG := $(CURDIR)/.ci/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.venv/collections

.PHONY: help demo test chaos security fuzz storm bench lint sanity build clean venv-run venv-test venv-lint

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: venv-run ## Heal something that is really broken through the whole tool chain (SCENARIO=process_crash, ANSWER=person|auto)
	@PYTHONPATH=extensions $(BIN)/python -m demo --scenario "$(SCENARIO)" --answer "$(ANSWER)"

test: venv-test ## Run all tests (only some: make test TESTS=tests/unit)
	@$(BIN)/python -m pytest $(TESTS)

chaos: venv-test ## Kill what heals while it heals; nothing may be lost or done twice (KILLS=20, SEED=)
	@PYTHONPATH=tests:extensions:.venv/collections $(BIN)/python -m support.chaos --kills $(KILLS) $(SEED:%=--seed %)

security: venv-test ## Attack everything that comes in, with every ansible-core that can be installed (CORES=2.16)
	@PYTHONPATH=tests:extensions:.venv/collections $(BIN)/python -m security $(CORES)

fuzz: venv-test ## Feed mutated payloads to every translator, so many seconds in all (SECONDS=600)
	@PYTHONPATH=tests:extensions:.venv/collections $(BIN)/python -m security.fuzz $(SECONDS)

storm: venv-test ## Tell of one problem 40 000 times, and of 500 problems at once
	@PYTHONPATH=tests:extensions:.venv/collections $(BIN)/python -m support.storm

bench: venv-run ## Measure against ansible-rulebook on its own, and against find (BENCH=accept|latency|reclaim)
	@PYTHONPATH=extensions:.venv/collections $(BIN)/python -m bench $(BENCH)

lint: venv-lint ## Check style, types, YAML and Ansible content
	@$(BIN)/python .ci/lint.py

sanity: venv-run ## Run ansible-test sanity on a throw-away copy
	@$(BIN)/python .ci/sanity.py

build: venv-run ## Build the collection's tarball into .cache/build
	@$(BIN)/python .ci/build.py

clean: ## Remove everything that was made here, .venv included
	rm -rf .venv .demo .cache .ansible .hypothesis .mypy_cache .ruff_cache .pytest_cache tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv-run:
	@.ci/python .ci/bootstrap.py run

venv-test:
	@.ci/python .ci/bootstrap.py run test

venv-lint:
	@.ci/python .ci/bootstrap.py run test lint
