#!/usr/bin/env bash
# Brings what the build needs: Debian packages (as root or with sudo; otherwise lists what is missing) and LibTorch (pip, into .venv, unless
# TORCH_ROOT names one). Quick when everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

packages=(g++ cmake ninja-build ccache pkg-config python3-venv
    libopenmpi-dev openmpi-bin libhdf5-dev libyaml-cpp-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev libbenchmark-dev libcli11-dev
    nlohmann-json3-dev libsoci-dev libsqlite3-dev libarchive-dev libspng-dev libturbojpeg0-dev libxxhash-dev libssl-dev libboost-dev sqlite3)

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "setup: these Debian packages are missing: ${missing[*]}; hint: ask an administrator for: apt-get install ${missing[*]}" >&2
            exit 3
        fi
        as_root=(sudo)
    fi
    echo "setup: installing ${#missing[@]} packages"
    "${as_root[@]}" apt-get update -qq >build/setup.log 2>&1
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >>build/setup.log 2>&1 ||
        { tail -n 20 build/setup.log >&2; exit 3; }
fi

# The pinned wheel; for CPU work these three suffice (docs/decisions.md).
wheels=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
if [ -z "${TORCH_ROOT:-}" ] && [ ! -e .venv/setup-done ]; then
    echo "setup: installing LibTorch (${wheels[0]}) into .venv"
    python3 -m venv .venv
    .venv/bin/pip install --quiet --no-deps "${wheels[@]}"
    touch .venv/setup-done
fi
