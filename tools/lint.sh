#!/usr/bin/env bash
# Runs the checks by name and stops at the first that fails.
set -euo pipefail
check() { echo "lint: $1"; shift; "$@"; }
check format prettier --check --log-level warn .
check types tsc
check rules eslint --max-warnings 0 .
check 'import law' depcruise --output-type err src
check 'dead code' knip
check docs markdownlint-cli2
check 'generated docs' node tools/generate-config-docs.ts --check
check 'generated docs' node tools/generate-error-docs.ts --check
check 'manual page' node tools/generate-man.ts --check
check 'commit subjects' node tools/check-commits.ts
check WebAssembly node tools/generate-wasm.ts --check
check package publint --strict
