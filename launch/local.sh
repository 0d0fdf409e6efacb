#!/usr/bin/env bash
# Train in one process on this machine, on whatever is there.
#
#   launch/local.sh [--dry-run] --gin_file=gin/digits.gin [flags of main]
#
#   --dry-run   print the command, start nothing
#
# PYTHON chooses the interpreter (.venv/bin/python of the checkout, if there is
# one, else python3). Flags of main: see README.md, "Runs and recipes".

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

arguments "" "$@"
no_words
need_recipe
main_command
run "${command[@]}"
