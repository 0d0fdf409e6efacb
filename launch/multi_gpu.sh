#!/usr/bin/env bash
# Train in one process on all GPUs of this machine, or on the first N.
#
#   launch/multi_gpu.sh [N] [--cpu] [--dry-run] --gin_file=gin/digits.gin \
#       [flags of main]
#
#   --cpu       use N (default: 2) logical CPUs, for a trial without GPUs
#   --dry-run   print the command, start nothing
#
# N has to divide BATCH_SIZE, and META_BATCH_SIZE if there is a meta set; with
# PER_REPLICA=True both are sizes per GPU. PYTHON sets the interpreter.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

arguments "cpu" "$@"
replicas=
if ((${#words[@]})); then
    replicas=${words[0]}
    words=("${words[@]:1}")
    need_number "the number of GPUs" 1 "$replicas"
fi
no_words
need_recipe

# First, so that the user's bindings override them.
bindings=("--gin_param=STRATEGY='mirrored'")
[[ -z $replicas ]] || bindings+=("--gin_param=REPLICAS=$((10#$replicas))")
[[ -z ${given[cpu]:-} ]] || bindings+=("--gin_param=DEVICE='CPU'")
flags=("${bindings[@]}" "${flags[@]}")
main_command
run "${command[@]}"
