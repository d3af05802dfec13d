# Thin: each target is a script, and the scripts say what they need.
.PHONY: build platforms release candidates demo test test-devices bench faults fuzz clean-engine

build: ## target/release/edgeproof and the probe's image archive
	scripts/build.sh

platforms: ## the probe's images for linux/amd64, linux/arm64 and linux/arm/v7, and one OCI layout over them
	scripts/platforms.sh

release: ## versioned archives and their checksums in target/dist
	scripts/release.sh

candidates: ## every fixture module, loaded into the engine
	scripts/candidates.sh

demo: ## bare machine to verdict
	scripts/demo.sh

test: ## everything that CI checks, 32-bit ARM apart
	scripts/test.sh

test-devices: ## what is too slow for `make test`: other platforms, a registry, emulated devices
	scripts/test-devices.sh

bench: ## what the probe costs, for 1, 10 and 50 containers, beside docker stats and a bare loop in the same minute, and what the stand-in's hub costs beside mosquitto
	scripts/bench.sh
	scripts/bench-hub.sh

faults: ## every poke and fault against modules on the SDK, the outage of five minutes included; with N=100 (and SEED=0, LANES=4, DEATHS=kill) the fault campaign instead: so many runs whose probe is killed
	$(if $(N),scripts/campaign.sh $(N) $(or $(SEED),0) $(or $(LANES),4) $(or $(DEATHS),kill),scripts/test-faults.sh)

fuzz: ## ten million damaged inputs against each parser of an offer and against the stand-in's hub, a million manifests and layers; or N=1000000 SEED=7 TARGETS="offers layers"
	scripts/fuzz.sh $(or $(N),10000000) $(or $(SEED),1) $(TARGETS)

clean-engine: ## removes everything of ours from the engine
	scripts/clean-engine.sh
