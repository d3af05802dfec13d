# Thin: each target is a script, and the scripts say what they need.
.PHONY: build candidates demo test test-devices bench clean-engine

build: ## target/release/edgeproof and the probe's image archive
	scripts/build.sh

candidates: ## every fixture module, loaded into the engine
	scripts/candidates.sh

demo: ## bare machine to verdict
	scripts/demo.sh

test: ## everything that CI checks
	scripts/test.sh

test-devices: ## what needs an emulated device, apart from `make test`: at most 25 minutes
	scripts/test-devices.sh

bench: ## what the probe costs, beside docker stats and a bare loop, in the same minute
	scripts/bench.sh

clean-engine: ## removes everything of ours from the engine
	scripts/clean-engine.sh
