#!/usr/bin/env bash
# Checks beyond `make test`.
#   cmake/check.sh lint        formatting, layers, documents; builds two small tests only
#   cmake/check.sh sanitizers  a build with the address and undefined-behaviour sanitizers, and its
#                              unit tests
set -euo pipefail
cd "$(dirname "$0")/.."

lint() {
    if ! command -v clang-format >/dev/null; then
        echo "check: clang-format is not installed; hint: make setup LINT=1" >&2
        exit 3
    fi
    find cluster data launcher results src sweeps tests \( -name '*.h' -o -name '*.cpp' \) -print0 |
        xargs -0 clang-format --dry-run --Werror
    echo "check: formatting ok"
    mkdir -p build
    cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
    cmake --build --preset release --target layers_test documents_test
    ctest --preset release -R '^(layers|documents)_test$'
}

case ${1:-} in
    lint) lint ;;
    sanitizers) cmake --workflow --preset asan ;;
    *) sed -n 2,5p "$0" >&2; exit 2 ;;
esac
