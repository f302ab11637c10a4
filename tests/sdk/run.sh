#!/bin/sh
# Runs the Graph SDK for JavaScript against the simulator. With SIM_READY set to a simulator's
# ready line it uses that one, else `cargo test` starts one of its own.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm ci --no-audit --no-fund
if [ -n "${SIM_READY:-}" ]; then
    exec node check.mjs
fi
cd ../..
exec cargo test --test double sdk -- --nocapture
