# Gatehouse. `make` or `make help` lists the targets.
#
# Settings, all optional:
#   ENVOY=/path/to/envoy   the Envoy to use (1.40.x), instead of one on PATH or under .tools/
#   CI=true                nothing may be skipped: a missing tool is an error
#   FUZZTIME=5s            how long each fuzz target runs in `make fuzz`
#   BENCH=. BENCHTIME=1s   which benchmarks run in `make bench`, and for how long
#   GATEHOUSE_SCREENSHOTS=.cache/screenshots   where `make test` leaves pictures of the dashboard
#   DEMO_KEEP=1 or 0       keep the demo running after its requests, or not; without it, a terminal decides

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X gatehouse/internal/cli.version=$(VERSION)

STATICCHECK_VERSION := v0.8.2
STATICCHECK := .tools/staticcheck-$(STATICCHECK_VERSION)

FUZZTIME ?= 5s
BENCH ?= .
BENCHTIME ?= 1s

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/gatehouse
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/gatehouse ./cmd/gatehouse

.PHONY: envoy
envoy: ## Find Envoy 1.40, or download it to .tools/envoy
	@.ci/get-envoy >/dev/null

.PHONY: demo
demo: build ## Serve examples/petstore through a real Envoy and send it a few requests
	@ENVOY=$$(.ci/get-envoy) && export ENVOY && GATEHOUSE=$(CURDIR)/bin/gatehouse examples/petstore/demo.sh

# What debuggers want is left out of test programs: linking them takes a third less.
.PHONY: test
test: ## Run every check: formatting, vet, all tests with the race detector on a real Envoy
	@.ci/deps
	@.ci/python-tools
	@.ci/browser-tools
	@$(MAKE) fmt-check
	@ENVOY=$$(.ci/get-envoy) && export ENVOY; \
	export GATEHOUSE_SCREENSHOTS=$${GATEHOUSE_SCREENSHOTS:-$(CURDIR)/.cache/screenshots}; \
	race=$$(.ci/race); \
	set -x; \
	$(GO) vet $$race ./...; \
	$(GO) test $$race -vet=off -ldflags '-s -w' -timeout 18m ./...

.PHONY: fmt-check
fmt-check:
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then \
		printf 'These files are not formatted; run "gofmt -w .":\n%s\n' "$$unformatted" >&2; exit 1; \
	fi

.PHONY: bench
bench: ## Measure against a hand-written Envoy, and run the benchmarks (BENCH=regexp, BENCHTIME=1s)
	@ENVOY=$$(.ci/get-envoy) && export ENVOY && set -x && \
	$(GO) run ./test/bench && \
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -timeout 30m ./...

.PHONY: fuzz
fuzz: ## Run each fuzz target for a few seconds (FUZZTIME=5s)
	@found=$$($(GO) test -list '^Fuzz' ./... | awk '/^Fuzz/ {names[++n] = $$1} /^ok/ {for (i = 1; i <= n; i++) print $$2, names[i]; n = 0}'); \
	if [ -z "$$found" ]; then echo 'No fuzz targets.'; exit 0; fi; \
	while read -r package target; do \
		echo "== $$package $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
	done <<< "$$found"

.PHONY: terraform
terraform: ## Have Terraform drive the management API (builds its provider once, a minute or two)
	@.ci/terraform-tools
	@ENVOY=$$(.ci/get-envoy) && export ENVOY && set -x && $(GO) test -tags terraform -count 1 -timeout 15m ./test/terraform

.PHONY: lint
lint: fmt-check ## Check formatting, run go vet and staticcheck
	$(GO) vet $$(.ci/race) ./...
	@if [ -x $(STATICCHECK) ] || { echo 'Installing staticcheck $(STATICCHECK_VERSION)' >&2; \
		GOBIN=$(CURDIR)/.tools/staticcheck.new $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION) && \
		mv .tools/staticcheck.new/staticcheck $(STATICCHECK) && rm -r .tools/staticcheck.new; }; then \
		export GOFLAGS="$${GOFLAGS:-} $$(.ci/race)"; set -x; $(STATICCHECK) ./...; \
	elif [ "$${CI:-}" = true ]; then \
		echo 'staticcheck $(STATICCHECK_VERSION) could not be installed (see above), and CI=true skips nothing.' >&2; exit 1; \
	else \
		echo 'SKIPPED: staticcheck $(STATICCHECK_VERSION) could not be installed (see above). Everything else was checked.' >&2; \
	fi

.PHONY: clean
clean: ## Remove what was built; downloaded tools under .tools/ stay
	rm -rf bin .cache
