# What one needs to work on Throughline. `make` lists it.
#
#   make test            everything that runs with Go; tests that need Dovecot,
#                        Chromium or clamd say so and skip where there is none
#   make test RACE=1     the same under the race detector
#   make test REQUIRE_PEERS=1   a missing peer is a failure

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 10s
BENCHTIME ?= 1s
TESTFLAGS ?=
export REQUIRE_PEERS

RACEFLAG = $(if $(filter 1,$(RACE)),-race)

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 12

.PHONY: build
build: ## bin/throughline
	$(GO) build -o bin/throughline ./cmd/throughline

.PHONY: demo
demo: ## run the demo
	$(GO) run ./cmd/throughline demo

.PHONY: test
test: e2e/browser/node_modules/.package-lock.json ## all Go tests, the end-to-end and browser tests among them
	$(GO) test $(RACEFLAG) -timeout 25m $(TESTFLAGS) ./...

# The browser tests are driven from Node; where there is none they skip.
e2e/browser/node_modules/.package-lock.json: e2e/browser/package-lock.json
	@if command -v npm >/dev/null; then cd e2e/browser && npm ci --no-audit --no-fund; \
	elif [ "$${REQUIRE_PEERS:-}" = 1 ]; then echo 'npm is missing: the browser tests need it' >&2; exit 1; \
	else echo 'npm is missing: the browser tests will be skipped'; fi

.PHONY: lint
lint: ## gofmt, vet, staticcheck
	@bad=$$(find . -name '*.go' -not -path '*/node_modules/*' -not -path './.*' | xargs gofmt -l); \
	if [ -n "$$bad" ]; then echo "not formatted (gofmt -w):"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) -checks inherit,-ST1018 ./... # Persian is written with U+200C

ui/node_modules/.package-lock.json: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund

.PHONY: ui
ui: ui/node_modules/.package-lock.json ## build the web app into ui/dist
	cd ui && npm run build

.PHONY: api
api: ui/node_modules/.package-lock.json ## write api/openapi.json and the types of its client anew
	$(GO) generate ./api
	cd ui && npm run api

.PHONY: check-ui
check-ui: ui/node_modules/.package-lock.json ## types, unit tests and a fresh build of the web app; fails if what is committed differs
	cd ui && npm run check
	cd ui && npm test -- --testTimeout 60000
	cd ui && npm run api
	git diff --exit-code -- ui/src/lib/api/schema.d.ts || { echo 'the types of the API client are stale: make api' >&2; exit 1; }
	cd ui && npm run build
	git diff --exit-code --stat -- ui/dist && test -z "$$(git status --porcelain -- ui/dist)" || \
		{ git status --short -- ui/dist; echo 'ui/dist is stale: make ui, and commit it' >&2; exit 1; }

.PHONY: fuzz
fuzz: ## every fuzz test for FUZZTIME (10s)
	@grep -rl '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules . | xargs -n1 dirname | sort -u | while read -r p; do \
		grep -hoP '^func \KFuzz\w+' $$p/*_test.go | while read -r f; do \
			echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; \
		done; \
	done

.PHONY: bench
bench: ## all benchmarks, with BENCHTIME (1s) each
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 60m $(TESTFLAGS) ./...

.PHONY: crash
crash: ## a long run of the crash test: CRASH_KILLS (200) kills
	CRASH_KILLS=$${CRASH_KILLS:-200} $(GO) test -count=1 -timeout 2h -v -run '^TestCrash' ./e2e
