# Targets for people and for continuous integration; what they do is in dev/.
.DEFAULT_GOAL := help
.PHONY: help demo test up down install uninstall images programs build lint format generate bench fuzz soak

# The pinned Node.js and all libraries; made again when the lock file is newer.
node_modules/.package-lock.json: package-lock.json
	npm ci && touch $@

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
	@echo 'bench-NAME  One benchmark: admission, overhead, start, …'

demo: ## From nothing to a running VM (with KUBECONFIG set: in that cluster)
	@dev/demo

test: ## Everything that must pass; ends with "N passed, N failed"
	@dev/test

up: node_modules/.package-lock.json ## Start the local cluster; then: . .cluster/env
	@dev/cluster/up

down: ## Stop the local cluster and remove all it made
	@dev/cluster/down

install: ## Install Podvisor (with KUBECONFIG set: into that cluster)
	@dev/install

uninstall: ## Remove Podvisor again; running VMs run on
	@dev/install --uninstall

images: programs build ## Build the images
	@dev/images/build

programs:
	@dev/lib/prerequisites.sh && dev/programs/build

build: node_modules/.package-lock.json ## Bundle the processes into dist/
	@npm run --silent build

lint: node_modules/.package-lock.json ## Lint, formatting and types
	@npm run --silent lint && npm run --silent typecheck

format: node_modules/.package-lock.json ## Format and fix what can be fixed
	@npm run --silent format

generate: node_modules/.package-lock.json ## Make generated files anew
	@npm run --silent generate

bench: node_modules/.package-lock.json ## All benchmarks; each ends with one line of ratios
	@for name in $$(dev/node -p "Object.keys(require('./package.json').scripts).filter((s) => s.startsWith('bench:')).join(' ')"); do npm run --silent $$name || exit 1; done

bench-%: node_modules/.package-lock.json
	@npm run --silent bench:$*

fuzz: node_modules/.package-lock.json ## Ten minutes of damaged requests against admission
	@npm run --silent fuzz

soak: node_modules/.package-lock.json ## Hundreds of rounds; takes hours
	@npm run --silent soak
