#!/usr/bin/env bash
# Train in one process on this machine: on its TPU, all its GPUs, or its CPU.
#
#   launch/local.sh [--dry-run] --gin_file=gin/digits.gin [flags of main]
#
#   --dry-run   print the command, start nothing
#
# PYTHON sets the interpreter (default: .venv/bin/python of the checkout, else
# python3). Flags of main: see docs/recipes-and-runs.md.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

arguments "" "$@"
no_words
need_recipe
main_command
run "${command[@]}"
