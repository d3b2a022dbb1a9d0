# A thin front end to the CMake presets. `make demo` and `make test` also set up a fresh Debian or
# Ubuntu machine.
.PHONY: setup build test test-slow test-slurm demo bench lint check clean
.DEFAULT_GOAL := build

setup:
	@cmake/setup.sh

build: setup
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release

test: build
	@ctest --preset release

# Random kills, faults at every point, frozen processes, a full disk, an unreachable server,
# learning: about 13 minutes.
test-slow: build
	@ctest --preset slow

# Whole campaigns on a real Slurm with three nodes inside this machine. Needs root and `make setup
# SLURM=1`; about 20 minutes on two cores.
test-slurm: export SLURM = 1
test-slurm: build
	@ctest --preset slurm

# Builds, makes the embedded data set, runs sweeps/demo.yaml on 2 ranks, prints the table.
demo:
	@$(MAKE) --no-print-directory setup
	@cmake --preset demo >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset demo
	@test -s data/sets/strokes.h5 || build/bin/dagan data make strokes -o data/sets/strokes.h5
	@build/bin/dagan run sweeps/demo.yaml -n 2 -o campaigns/demo
	@build/bin/dagan results table1 campaigns/demo
	@build/bin/dagan results report campaigns/demo

bench: build
	@cmake --build build --target bench

# Formatting, layers and documents; builds two small tests only.
lint: export LINT = 1
lint: setup
	@cmake/check.sh lint

# Also the unit tests with the address and undefined-behaviour sanitizers.
check: export LINT = 1
check: lint
	@cmake/check.sh sanitizers

clean:
	rm -rf build build-*
