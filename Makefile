# A thin front over CMake presets and workflows: `make demo` and `make test` do all set-up on a fresh Debian or Ubuntu machine.
.PHONY: setup build test test-slow test-slurm demo bench check clean
.DEFAULT_GOAL := build

setup:
	@cmake/setup.sh

build: setup
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset release

test: build
	@ctest --preset release

# Chaos, faults at every point, frozen processes, full disks, a server that is away, learning: about thirteen minutes.
test-slow: build
	@ctest --preset slow

# Whole campaigns through a real Slurm of three nodes within this machine (needs root; `make setup SLURM=1`): about twenty minutes on two cores.
test-slurm: export SLURM = 1
test-slurm: build
	@ctest --preset slurm

# Everything at once on the embedded data set: builds, makes the set, runs sweeps/demo.yaml on 2 ranks, prints the table.
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

# Format, layers, sanitizers.
check: setup
	@cmake/check.sh

clean:
	rm -rf build build-*
