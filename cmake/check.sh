#!/usr/bin/env bash
# Checks the formatting, then builds with the address and undefined-behaviour sanitizers and runs
# the unit tests.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v clang-format >/dev/null; then
    git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror
    echo "check: formatting ok"
else
    echo "check: clang-format is not installed; formatting not checked"
fi
cmake --workflow --preset asan
