# Everything a developer or CI does. Needs Node 20 or newer (for npm), npm, make and git; the recipes themselves run on the
# Node that tools/runtime pins.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.PHONY: help run test test-integration soak lint build ci bench generate wasm setup init clean dev-dependencies

RUNTIME := tools/runtime/node_modules/.installed
# npm writes it at the end of every installation, by `make` or by hand.
DEPS := node_modules/.package-lock.json
# Programs that tests drive, beyond Node. Each is the name of its Debian package, too.
TEST_NEEDS := chromium curl fish git python3 redis-server zsh
# How long the hostile loads of `make soak` go on.
MINUTES ?= 10
NODE := PATH="$$(tools/runtime/path):$$PWD/node_modules/.bin:$$PATH"

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# `make run APP=3000 NAME=my-app PORT=8081`: an app on port 3000 instead of the demo app, and the port of the gateway.
# Only from the command line: PORT and NAME are common in environments.
given = $(if $(filter command,$(firstword $(origin $(1)))),$($(1)))

run: $(DEPS) ## relay + app + gateway on this machine; prints a key and a curl line. APP=3000 NAME=my-app PORT=8081
	@$(NODE) exec node src/main.ts dev $(call given,APP) $(if $(call given,NAME),--name "$(NAME)") $(if $(call given,PORT),--port "$(PORT)")

test: $(DEPS) ## every test, with the coverage thresholds
	@tools/test-needs.sh $(TEST_NEEDS)
	@$(NODE) node tools/test.ts

test-integration: $(DEPS) ## authentication, proxying, limits and errors through real parts; under two minutes
	@tools/test-needs.sh $(TEST_NEEDS)
	@$(NODE) node tools/test.ts --integration

soak: $(DEPS) ## what `make test` has no time for: long transfers, many streams, hostile loads for MINUTES (10)
	@$(NODE) node tools/test.ts --soak
	@$(NODE) node test/soak/main.ts --minutes $(MINUTES)

# The package's shape can only be checked where the package is.
lint: build ## format, types, lint rules, import law, dead code, package shape, docs
	@$(NODE) tools/lint.sh

build: $(DEPS) ## the npm package's files, in dist/
	@$(NODE) tsdown

ci: lint ## what CI runs: lint, types, build, tests
	@$(MAKE) --no-print-directory test

bench: $(DEPS) ## speed and cost next to nginx and a direct pipe, in one run
	@$(NODE) node bench/run.ts

generate: wasm ## what is made from packets.proto, the configuration's schema, the table of errors and tools/wasm
	@$(NODE) buf generate
	@$(NODE) node tools/generate-config-docs.ts
	@$(NODE) node tools/generate-error-docs.ts
	@$(NODE) node tools/generate-man.ts

wasm: $(DEPS) ## the cipher for small frames, assembled from tools/wasm
	@$(NODE) node tools/generate-wasm.ts

setup: $(DEPS) ## installs the git hooks: format and lint of staged files, commit subjects
	@git config core.hooksPath tools/hooks && echo 'git hooks installed'

init: setup ## the same as setup

clean: ## removes what the other targets made
	rm -rf dist coverage node_modules tools/runtime/node_modules

$(RUNTIME): tools/runtime/package-lock.json
	@echo 'make: fetching Node into tools/runtime, 10 to 60 s' >&2
	@cd tools/runtime && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# An installation without development dependencies is incomplete. Another Node needs no other dependencies.
$(DEPS): package-lock.json $(if $(wildcard node_modules/.bin/tsdown),,dev-dependencies) | $(RUNTIME)
	@echo 'make: installing dependencies and building, 15 to 60 s' >&2
	@$(NODE) npm ci --include=dev --no-audit --no-fund --loglevel=error
	@touch $@
