# Set-up is part of the targets: what is missing is installed, what is there is left alone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The built module, and the Envoy it runs in; ENVOY=/path/to/envoy is honoured.
WASM := target/trackgate.wasm
MODULE := target/libtrackgate.so
export TRACKGATE_WASM := $(CURDIR)/$(WASM)
export TRACKGATE_MODULE := $(CURDIR)/$(MODULE)

.PHONY: help demo run canary-demo quarantine-demo trap test test-module test-versions test-arm64 test-clients test-observability test-manifests oci release test-release docs test-start docker-test soak fuzz sanitize wasm module lint cost growth dashboard bench bench-envoy score update-data audit reproduce clean vectors cargo

help: ## Show what can be made
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it

demo: wasm ## Send real requests through a real Envoy and show what became of each
	@export ENVOY="$$(scripts/setup-envoy)" && cargo run --quiet --bin trackgate-testing -- demo

run: wasm ## The same, then keep serving and show each verdict until Ctrl-C
	@export ENVOY="$$(scripts/setup-envoy)" && cargo run --quiet --bin trackgate-testing -- run

canary-demo: wasm ## Play three roll-outs with real Envoys: one promoted, one rolled back, one held
	@export ENVOY="$$(scripts/setup-envoy)" && cargo run --quiet --bin trackgate-testing -- canary-demo

quarantine-demo: wasm ## A wrong rule drops a site's events; they are kept, the rule is mended, and they are sent again
	@export ENVOY="$$(scripts/setup-envoy)" && cargo run --quiet --bin trackgate-testing -- quarantine-demo

##@ Build

wasm: cargo ## Build the module, target/trackgate.wasm; SPAM_REFERRERS=FILE builds another list of spam referrers in
	@scripts/build-wasm $(WASM)

module: cargo ## Build the native module, target/libtrackgate.so, for Envoy's dynamic modules
	@scripts/build-module $(MODULE)

oci: wasm ## Pack the module as an OCI image, target/oci, as Istio and Envoy Gateway pull it
	@rm -rf target/oci target/oci-root && install -D -m 644 $(WASM) target/oci-root/plugin.wasm
	@scripts/oci wasm latest target/oci-root target/oci

release: cargo ## Fill dist/: the filter for both hosts, the command, packages, images, bill of materials, provenance, notes
	@scripts/release

docs: ## Make a book of docs/ in target/docs, follow its links, and look at each page in a browser
	@scripts/docs

##@ Test

test: wasm module trap lint ## Everything CI checks: lint, units, the vectors on three runners, shipped configurations, real clients, Prometheus
	@rm -rf target/vectors
	@echo "trackgate: units, and the vectors on the core, in wasmtime and through Envoy"
	@export ENVOY="$$(scripts/setup-envoy)" && cargo test --quiet
	@echo "trackgate: the native module's units"
	@cargo test --quiet --package trackgate --lib --features module module::
	@$(MAKE) test-module test-clients test-observability test-manifests
	@scripts/count-vectors

lint: cargo ## Format and clippy, natively and for wasm
	@echo "trackgate: format and clippy"
	@cargo fmt --check
	@cargo clippy --quiet --all-targets -- -D warnings
	@cargo clippy --quiet --lib --tests --features module -- -D warnings
	@scripts/lint-wasm
	@grep -lE -d skip '^#!.*bash' scripts/* .ci/run 2> /dev/null | xargs -n 1 bash -n

test-module: module trap ## The native module in the real Envoy: the vectors, attacks, failures, restarts, updates
	@echo "trackgate: the native module in Envoy"
	@export ENVOY="$$(scripts/setup-envoy)" HOST=module && cargo test --quiet --test it -- gateway:: module::

test-clients: wasm ## Real browser trackers in a real Chromium, and Python's, through Envoy to the collector
	@echo "trackgate: real clients"
	@export ENVOY="$$(scripts/setup-envoy)" && settings="$$(scripts/setup-clients)" && env $$settings cargo test --quiet --test clients

test-observability: wasm module ## A real Prometheus on the real Envoy: metrics, dashboard, access log, alerts
	@command -v prometheus > /dev/null && command -v promtool > /dev/null || scripts/setup-prometheus
	@echo "trackgate: Prometheus, for both hosts"
	@export ENVOY="$$(scripts/setup-envoy)" && cargo test --quiet --test observability && HOST=module cargo test --quiet --test observability

test-manifests: wasm ## Istio's and Envoy Gateway's manifests against their CRDs, and the OCI image
	@scripts/test-manifests

test-versions: wasm module ## Every vector through each Envoy from 1.36 to 1.40, on both hosts: docs/compatibility.md
	@scripts/test-versions

test-arm64: cargo ## The unit tests and the core's vectors as arm64 code, under qemu-user
	@scripts/test-arm64

test-release: ## dist/ tried: images by skopeo, the package in a bare Debian, papers by their formats' libraries, the filter in Envoy
	@scripts/test-release

test-start: ## docs/start.md, line by line, on a bare Debian with dist/ alone
	@scripts/test-start

docker-test: wasm module ## examples/docker, brought up (HOST=module: with the native module), checked from a client container, and taken down
	@scripts/docker-test

soak: wasm ## Mixed traffic for MINUTES (1): clients, collector, store and counters must agree to the last request
	@export ENVOY="$$(scripts/setup-envoy)" && cargo test --quiet --test soak -- --nocapture

fuzz: cargo ## Fuzz TARGET (hooks, request, body, json, config, annotation, patterns, capture, written, file) for SECONDS (60)
	@scripts/fuzz "$(or $(TARGET),request)" "$(or $(SECONDS),60)"

sanitize: cargo ## The native module's hooks under AddressSanitizer and Miri, with a nightly toolchain
	@scripts/sanitize

audit: cargo ## Licences, sources, duplicate versions, advisories of all dependencies
	@scripts/audit

reproduce: cargo ## Build the release twice, the second time in another place: both must be the same bytes
	@scripts/reproduce

##@ Measure

cost: wasm ## Count what requests cost and write benches/cost.tsv, which the tests compare with
	@TRACKGATE_WRITE_COST=1 cargo test --quiet --test it cost:: -- --nocapture

growth: wasm ## Write benches/growth.tsv and .svg: fuel and memory with 1 to 100,000 sites, endpoints, pages, keys, prefixes, User-Agents
	@TRACKGATE_WRITE_GROWTH=1 cargo test --quiet --package trackgate-testing --test it growth::

bench: growth ## Native benches of the core, and what a request costs against the size of the configuration
	@cargo bench --quiet -- --quiet
	@scripts/bench-summary

bench-envoy: wasm module ## What a request costs Envoy with the gate, and with other filters: benches/envoy.md and .svg
	@command -v wasm-as > /dev/null || scripts/setup-binaryen
	@mkdir -p target/bench && for name in empty buffer; do wasm-as benches/modules/$$name.wat -o target/bench/$$name.wasm; done
	@export ENVOY="$$(scripts/setup-envoy)" && TRACKGATE_BENCH_ENVOY=1 taskset -c 1 cargo bench --quiet --profile dev --bench envoy

score: cargo ## Score the User-Agent engine beside isbot, crawler-user-agents and CrawlerDetect
	@scripts/score

dashboard: wasm ## Draw the dashboard from a real Prometheus' answers: docs/dashboard.svg
	@command -v prometheus > /dev/null || scripts/setup-prometheus
	@scripts/draw-dashboard "$$(scripts/setup-envoy)" "$(TRACKGATE_WASM)" prometheus docs/dashboard.svg

##@ Maintain

update-data: cargo ## Refresh data/user_agents from the registries, with the score before and after
	@scripts/update-data

vectors: ## Bring tests/vectors/contract.jsonl up to date with the contract beside the checkout
	@scripts/update-vectors

clean: ## Remove what was built; ALL=1 also what was installed under the checkout
	@rm -rf target
	@if [ -n "$${ALL:-}" ]; then rm -rf .tools; fi

trap: cargo ## Build both modules so that they panic when asked to, for the tests of failures
	@scripts/build-wasm target/trackgate-trap.wasm trap > /dev/null
	@scripts/build-module target/libtrackgate-trap.so trap > /dev/null

cargo:
	@command -v cargo > /dev/null || { echo "trackgate: cargo is not installed; get it with rustup (https://rustup.rs)" >&2; exit 1; }
