# `make help` lists the targets. Paths are quoted throughout: the checkout may lie in a folder with spaces.

# engine-prebuilt links the fetched CTranslate2 library; engine-from-source builds it (other platforms, needs CMake).
ENGINE ?= engine-prebuilt
# Where `make demo` writes: kept, so that a second run shows that finished recordings are not transcribed again.
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO_OUT ?= $(TARGET)/demo
CARGO ?= cargo

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LIBRARY_PART := $(if $(filter engine-prebuilt,$(ENGINE)),library)
DEMO_PARTS := $(LIBRARY_PART) model redis ffmpeg
TEST_PARTS := $(DEMO_PARTS) base versitygw toxiproxy $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),faketime espeak-ng)
# The default features are named only when they are left, so that Cargo's own flags keep their meaning.
FEATURES := $(if $(filter-out engine-prebuilt,$(ENGINE)),--no-default-features --features steno-worker/$(ENGINE))

##@ Use

.PHONY: demo
demo: setup ## Transcribe the recordings in samples/ (DEMO_OUT=FOLDER for another output folder)
	$(CARGO) build --workspace --bins $(FEATURES)
	PATH="$(CURDIR)/.local/bin:$$PATH" "$(TARGET)/debug/steno" run samples --out "$(DEMO_OUT)" --model .local/models/tiny.en
	tools/show-transcripts "$(DEMO_OUT)"

.PHONY: test
test: setup-tests ## Run all tests, on real parts: Redis, an S3 server, ffmpeg, speech
	$(CARGO) build --workspace $(FEATURES)
	$(CARGO) test --workspace $(FEATURES)

.PHONY: setup
setup: ## Fetch what this machine lacks to build and run, without root; see tools/setup --help
	@tools/setup $(DEMO_PARTS)

.PHONY: setup-tests
setup-tests: ## The same, and what only the tests need: S3 server, multilingual model, voices
	@tools/setup $(TEST_PARTS)

# How an image archive comes to the cluster's nodes, and what the images are based on.
LOAD_IMAGE ?= kind load image-archive
# Names of the scenarios to run, or parts of them; empty for all.
SCENARIOS ?=
IMAGE_BASE ?= docker.io/library/debian:bookworm-slim

.PHONY: test-cluster
test-cluster: setup-tests ## Run the scenarios on the Kubernetes cluster that KUBECONFIG names (docs/testing-on-a-cluster.md)
	$(CARGO) build --workspace $(FEATURES)
	LOAD_IMAGE='$(LOAD_IMAGE)' IMAGE_BASE='$(IMAGE_BASE)' PROGRAMS="$(TARGET)/debug" tools/cluster-images
	$(CARGO) test --package steno-tests --features cluster --test cluster -- --test-threads=1 $(SCENARIOS)

# Faults of `make chaos`, the seed of their plan, a part of the names of those that are wanted, and a factor for the time between them.
N ?= 1000
SEED ?= $(shell date +%s)
ONLY ?=
GAP ?= 1

.PHONY: chaos
chaos: setup-tests ## N=1000 faults in whole runs, then what they cost (SEED=… for the same plan, ONLY='worker killed' for one kind)
	$(CARGO) build --workspace $(FEATURES)
	STENO_CHAOS_FAULTS='$(N)' STENO_CHAOS_SEED='$(SEED)' STENO_CHAOS_ONLY='$(ONLY)' STENO_CHAOS_GAP='$(GAP)' \
		$(CARGO) test --package steno-tests --test chaos -- --nocapture nothing_is_lost

.PHONY: chaos-each
chaos-each: setup-tests ## N faults of each kind, one kind after the other: the table of docs/reliability.md (N=26 GAP=4 take an hour)
	$(CARGO) build --workspace $(FEATURES)
	STENO_CHAOS_FAULTS='$(N)' STENO_CHAOS_SEED='$(SEED)' STENO_CHAOS_ONLY='$(ONLY)' STENO_CHAOS_GAP='$(GAP)' STENO_CHAOS_EACH=yes \
		$(CARGO) test --package steno-tests --test chaos -- --nocapture nothing_is_lost

# Random inputs of `make fuzz` to each reader.
INPUTS ?= 1000000

.PHONY: fuzz
fuzz: setup-tests ## INPUTS=1000000 random inputs to each reader of what strangers write; what fails is kept in proptest-regressions
	PROPTEST_CASES='$(INPUTS)' $(CARGO) test --workspace $(FEATURES) --lib --test formats --test storage -- fuzz_

##@ Build

.PHONY: build
build: setup ## Build all programs for development
	$(CARGO) build --workspace $(FEATURES)

.PHONY: release
release: setup ## Build the programs with all optimisations
	$(CARGO) build --release --workspace --bins $(FEATURES)

.PHONY: dist
dist: ## Make dist/steno-VERSION-x86_64-linux.tar.gz, which runs from any folder, and check that it does
	tools/dist
	@tools/setup model
	tools/check-dist

##@ Check

.PHONY: lint
lint: fmt-check clippy deny doc scripts ## All checks that run no test

.PHONY: fmt
fmt: ## Format the Rust code
	$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check: ## Say what `make fmt` would change
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy: setup ## Clippy, warnings are errors
	$(CARGO) clippy --workspace --all-targets $(FEATURES) --features steno-tests/cluster -- -D warnings

.PHONY: deny
deny: ## Licences, sources and bans of the dependencies, by deny.toml
	@tools/setup cargo-deny
	.local/bin/cargo-deny --all-features check bans licenses sources

.PHONY: doc
doc: setup ## Build the API documentation, warnings are errors
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --workspace --no-deps $(FEATURES)

.PHONY: scripts
scripts: ## Check the shell scripts and test what is written in Python
	@tools/setup shellcheck
	.local/bin/shellcheck .ci/run tools/dist tools/check-dist tools/parity-suite loadtest/peers/*/setup loadtest/peers/*/run
	PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover -s tools -t tools

##@ Measure

# A target for each measurement goes here.

# Arguments of tools/parity, and the file that its report goes to as well.
PARITY ?=
PARITY_OUT ?= $(TARGET)/parity.md

.PHONY: parity
parity: setup-parity release ## Steno beside faster-whisper on real recordings (PARITY='…': see tools/parity --help)
	tools/parity --steno "$(TARGET)/release/steno" --out "$(PARITY_OUT)" $(PARITY)

.PHONY: bench-parity
bench-parity: setup-parity release ## The same for speed and memory: short clips, 20 files, a long one, 3 hours (an hour or more)
	tools/parity-suite --steno "$(TARGET)/release/steno" --out "$(PARITY_OUT)" $(PARITY)

.PHONY: reference-data
reference-data: setup-parity ## Make worker/tests/data/reference and sequential anew, by faster-whisper
	.local/reference/bin/python tools/reference/recordings.py
	.local/reference/bin/python tools/reference/sequential.py worker/tests/data/sequential .local/models

.PHONY: setup-parity
setup-parity:
	@tools/setup $(DEMO_PARTS) base reference

.PHONY: bench-leases
bench-leases: setup ## Leases on a real Redis: operations per second and bytes an item, at growing sizes
	$(CARGO) bench --workspace --profile dev --bench leases -- --items 10000,100000,1000000

##@ Deploy

# Options and names for tools/images, for example IMAGES='--registry registry.example.com/team worker-cuda coordinator'.
IMAGES ?=

.PHONY: images
images: ## Build the container images (IMAGES='…': see tools/images --help)
	tools/images $(IMAGES)

.PHONY: manifests
manifests: ## Make deploy/manifests/steno.yaml anew from the Helm chart (needs helm)
	deploy/manifests/generate

.PHONY: lint-deploy
lint-deploy: ## Check images and chart; the chart only where helm is installed
	@tools/setup hadolint shellcheck
	.local/bin/hadolint deploy/images/Dockerfile deploy/images/test/*.Dockerfile
	.local/bin/shellcheck tools/images tools/cluster-images deploy/manifests/generate deploy/helm/check-acl
	deploy/helm/check-acl
	if command -v helm >/dev/null; then \
		for values in values values-civo values-cpu; do \
			helm lint --quiet --strict deploy/helm/steno --values "deploy/helm/steno/$$values.yaml" --set model.source=s3://b/m; \
		done; \
		deploy/manifests/generate --check; \
	else \
		echo "lint-deploy: the chart was not checked, since helm is not installed"; \
	fi

##@ Other

.PHONY: clean
clean: ## Remove what was built here; the tool cache (.local leads to it) stays
	$(CARGO) clean
	rm -rf dist

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
