# make demo   a lockout on a simulated pooler, told in a quarter of a minute
# make run    the sidecar with the environment's DATABASE_URL
# make test   everything that has to pass, on a fresh Debian machine with Go
# make size   what the stripped binary weighs, on the disk and in memory
# make screenshots   the page in every state, into docs/screenshots
# make story  a lockout as the page, the alerts and the chat tell it, into docs/story.md
# make bench  /readyz over sockets beside bare handlers, start and memory
# make bench-fleet   1 to 16 sidecars on one Redis, 10 to 10,000 readers
# make man    a page a command, into bin/man
# make release   archives for five systems, their bills of materials and sums, into bin/release
# make vuln   known vulnerabilities of what the program calls; asks the network
# make rules  the Prometheus operator's rules, from deploy/prometheus
# make soak   the same claims at length: schedules, outages, mutants, fuzzing, leaks

# cron, systemd and env -i set no HOME, below which go and npm keep what they fetch.
ifndef HOME
export HOME := $(filter /%,$(shell eval echo ~$$(id -un)))
endif
ifndef HOME
$(error set HOME, a folder below which go and npm keep what they fetch)
endif

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
TOOL     = go tool -modfile=tools.mod

.PHONY: demo run build test needs lint soak bench bench-proxy bench-amplification bench-fleet size screenshots story man release vuln rules

demo: build
	./bin/sidecar demo

run: build
	./bin/sidecar serve

build:
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags nethttpomithttp2 -ldflags '$(LDFLAGS)' -o bin/sidecar ./cmd/sidecar

test: needs lint
	go test -race -timeout 7m ./...
	go test -run 'TestSchedules$$' ./internal/proxy/budget -rapid.checks=10000
	@cd deploy && go vet . && go test .
	@scripts/mutants 4

# The servers and tools that the tests run against; installed when root may.
needs:
	@scripts/needs

lint:
	@echo 'lint: gofmt, go vet, go fix, go mod tidy, staticcheck, actionlint'
	@test -z "$$(gofmt -l cmd internal deploy examples scripts)" || { gofmt -d cmd internal deploy examples scripts; exit 1; }
	@go vet ./...
	@test -z "$$(go fix -diff ./... 2>&1)" || { go fix -diff ./...; exit 1; }
	@go mod tidy -diff
	@$(TOOL) staticcheck ./...
	@$(TOOL) actionlint

man:
	@mkdir -p bin/man
	MAN=$(CURDIR)/bin/man go test -count=1 -run 'TestManPages$$' ./cmd/sidecar

release: man
	go run ./scripts/release -version $(VERSION) -commit $(COMMIT) -time $$(git log -1 --format=%ct) -man bin/man

vuln:
	$(TOOL) govulncheck ./...

rules:
	cd deploy && UPDATE=1 go test -count=1 -run 'TestPrometheusRule$$' .

# About half an hour on 2 cores.
FUZZ = internal/dsn:FuzzParse internal/dsn:FuzzRedact internal/dsn:FuzzEncode internal/dsn:FuzzGuard \
	internal/classify:FuzzClassify internal/probe:FuzzWire

soak: needs
	go test -run 'TestSchedules$$' -v ./internal/supervisor/machine -rapid.checks=100000
	go test -run 'TestSchedules$$' -timeout 30m -v ./internal/fleet -rapid.checks=100000
	go test -run TestSchedulesOfAll -timeout 30m -v ./internal/probe -rapid.checks=5000
	go test -run 'TestSchedules$$' -timeout 30m -v ./internal/proxy/budget -rapid.checks=100000
	SOAK=1 go test -run 'TestWrongFleet|TestPlainConnection|TestAmplification' -v ./internal/proxy/...
	SOAK=1 go test -run 'TestLeaks' -timeout 30m -v ./internal/probe
	SOAK=1 go test -run 'TestRealAway|TestRealLockout|TestRunHolds|TestStampede' -v ./cmd/sidecar
	@for target in $(FUZZ); do \
		echo "fuzz $$target"; go test -run '^$$' -fuzz "$${target#*:}$$" -fuzztime 60s "./$${target%:*}" || exit 1; \
	done
	scripts/mutants

size:
	@go test -count=1 -v -run 'TestSize$$' ./cmd/sidecar

screenshots: needs
	mkdir -p docs/screenshots
	SCREENSHOTS=$(CURDIR)/docs/screenshots go test -count=1 -run 'TestScreenshots$$' ./internal/health

story: needs
	STORY=$(CURDIR)/docs/story.md go test -count=1 -run 'TestRealStory$$' ./cmd/sidecar

# What the proxy costs, beside haproxy and beside nothing; two minutes.
bench-proxy: needs
	go test -run '^$$' -bench 'BenchmarkProxy$$' -benchtime 1x -timeout 30m ./cmd/sidecar
	go test -run '^$$' -bench Relay -count 3 ./internal/proxy

# Prints docs/amplification.md and its pictures anew; three minutes before real servers.
bench-amplification: needs
	AMPLIFICATION=$(CURDIR)/internal/proxy/amplify/testdata/real.md go test -count=1 -run 'TestAmplificationReal$$' ./cmd/sidecar
	go test ./internal/proxy/amplify -update
	@cat docs/amplification.md

# Prints docs/fleet-scale.md and its pictures anew; eight minutes, and the machine has to be quiet.
bench-fleet: needs
	BENCH_FLEET=$(CURDIR)/docs go test -count=1 -timeout 30m -run 'TestFleetScale$$' ./cmd/sidecar
	@cat docs/fleet-scale.md

# docs/performance.md has what this shows; the machine has to be quiet.
bench:
	go test -run '^$$' -bench . -benchmem ./...
