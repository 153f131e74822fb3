# Callbox. `make demo` and `make test` need Go and Node; make test installs the
# rest (Debian packages, linters) where it is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

TOOLS         := $(CURDIR)/bin/tools
GOLANGCI      := $(TOOLS)/golangci-lint
GOLANGCI_PIN  := v2.15.0
GOFUMPT       := $(TOOLS)/gofumpt
GOFUMPT_PIN   := v0.12.0
VERSION       := $(shell git describe --always --dirty 2>/dev/null || echo unknown)
LDFLAGS       := -X github.com/callbox911/callbox/internal/app.Version=$(VERSION)
# An Active Directory that is read. Not where systemd would start its file server; the
# test says there that it is skipped.
SAMBA := $(if $(wildcard /run/systemd/system),,samba samba-ad-provision samba-dsdb-modules)
# What the tests place real calls with, and look at pages and sound with.
DEBS := curl jq sip-tester baresip-core linphone-cli sipvicious kamailio kamailio-utils-modules kamailio-tls-modules sox chromium tshark libxml2-utils jing snmpsim lldpd iproute2 python3-aiosmtpd gcc libc6-dev postgresql postgresql-15-postgis-3 slapd ldap-utils $(SAMBA)

# Everything but the tests is compiled once, as the product is: without cgo. Each
# other setting would compile all that we use once more, minutes of a fresh machine.
PRODUCT := CGO_ENABLED=0 GOFLAGS="$(strip $(GOFLAGS) -trimpath)"

.PHONY: build demo test check bench fuzz proofs assets tools debs generate clean

build: assets ## bin/callbox, without cgo
	$(PRODUCT) go build -ldflags '$(LDFLAGS)' -o bin/callbox ./cmd/callbox

demo: build ## a phone dials 911 and 933 on this machine; then the page stays open
	bin/callbox demo

assets: node_modules/.callbox-lock ## what npm gives: maps, speech, page scripts, postal codes
	@mkdir -p internal/layers/dist internal/live/voice/dist internal/web/assets/dist
	@cmp -s node_modules/us-atlas/counties-10m.json internal/layers/dist/counties-10m.json || cp node_modules/us-atlas/counties-10m.json internal/layers/dist/counties-10m.json
	@node internal/web/assets/build.mjs
	@node internal/live/voice/assets.mjs
	@node internal/postal/assets.mjs

node_modules/.callbox-lock: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

generate: ## templ pages
	$(PRODUCT) go tool templ generate

tools: $(GOLANGCI) $(GOFUMPT)
$(GOLANGCI):
	$(PRODUCT) GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_PIN)
$(GOFUMPT):
	$(PRODUCT) GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT_PIN)

debs: ## Debian packages that the tests use, where they are missing
	@./scripts/install-test-tools $(DEBS)

check: assets tools ## formatting, vet, lint, generated files and modules current
	@out="$$(git ls-files '*.go' | grep -v '_templ\.go$$' | xargs $(GOFUMPT) -l)"; if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	$(PRODUCT) go vet ./...
	$(PRODUCT) $(GOLANGCI) run ./...
	@$(PRODUCT) go tool templ generate -lazy=false >/dev/null 2>&1; out="$$(git status --porcelain -- '*_templ.go')"; if [ -n "$$out" ] && [ -n "$${CI:-}" ]; then echo "generated files are not current: run make generate"; echo "$$out"; exit 1; fi
	go mod tidy -diff
	$(PRODUCT) go build ./...

# SQLite is C that was turned into Go: it shares nothing between goroutines of its
# own, and watched for races it takes thirty times as long.
UNWATCHED := -gcflags='modernc.org/...=-race=false'

test: debs build check ## everything; the closing lines are go test's own
	CGO_ENABLED=1 CALLBOX_BIN=$(CURDIR)/bin/callbox go test -race $(UNWATCHED) -count=1 -timeout 15m ./...

bench: build debs ## the numbers in docs/benchmarks.md, measured here and now
	bin/callbox bench --out docs/benchmarks.md

FUZZTIME ?= 1m
FUZZ     ?= ./...
fuzz: ## every fuzz target in turn: make fuzz FUZZTIME=10m FUZZ=./wire/...
	@scripts/fuzz $(FUZZTIME) $(FUZZ)

proofs: ## every requirement, rule and law with the tests that show it
	@go run ./internal/proofs

clean:
	rm -rf bin var
