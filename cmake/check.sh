#!/usr/bin/env bash
# What a reviewer would ask for first: formatting, warnings as errors in our code, address and undefined-behaviour sanitizers on the unit tests.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v clang-format >/dev/null; then
    git ls-files '*.h' '*.cpp' | xargs clang-format --dry-run --Werror
    echo "check: format ok"
else
    echo "check: clang-format is not installed: format not checked"
fi
cmake --workflow --preset asan
