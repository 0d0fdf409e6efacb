#!/usr/bin/env bash
# Train on several hosts, one process on each. Start the same command on all of
# them, with their own --index:
#
#   launch/multi_worker.sh --hosts host0:2222,host1:2222 --index 0 \
#       --run_dir=/shared/run --gin_file=gin/digits.gin [flags of main]
#
# or try it with N processes on this machine:
#
#   launch/multi_worker.sh --localhost N [--port P] --gin_file=gin/digits.gin
#
#   --hosts      all hosts, in the same order everywhere
#   --index      which of them this is, from 0 (default: SLURM_PROCID)
#   --localhost  start N workers here; their lines begin with [worker]
#   --port       the first of N ports; free ones unless given
#   --dry-run    print the commands, start nothing
#
# --run_dir is one folder that all hosts see; the first host writes. SIGTERM (or
# Ctrl-C) with --localhost reaches all workers, which save and leave with 143;
# the same command goes on from there. A second one does not wait for them. When
# a worker fails, the others are ended and its exit code is the script's.
#
# With --localhost each worker gets a GPU of its own if there are N of them
# (CUDA_VISIBLE_DEVICES counts), else none. PYTHON chooses the interpreter.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

FAILED_GRACE=10  # seconds; after a failure the others have nothing to save
SAVED_GRACE=120  # the first host may still be writing the checkpoint

one_of_several() {
    local index=${given[index]:-${SLURM_PROCID:-}} host
    [[ -z ${given[port]:-} ]] ||
        fail "--port goes with --localhost; --hosts has ports of its own"
    IFS=, read -r -a hosts <<<"${given[hosts]}"
    for host in "${hosts[@]}"; do
        [[ $host =~ ^[A-Za-z0-9_.-]+:[0-9]{1,5}$ ]] ||
            fail "--hosts takes host0:2222,host1:2222, got '$host'"
    done
    [[ -n $index ]] || fail "--hosts needs --index: which of them is this?"
    need_number --index 0 "$index"
    ((10#$index < ${#hosts[@]})) ||
        fail "--index must be below ${#hosts[@]}, the number of hosts," \
            "got '$index'"
    main_command "TF_CONFIG=$(tf_config "$((10#$index))" "${hosts[@]}")"
    run "${command[@]}"
}

several_here() {
    local workers=${given[localhost]} i
    need_number --localhost 1 "$workers"
    [[ -z ${given[index]:-} ]] || fail "--index goes with --hosts"
    workers=$((10#$workers))
    ports "$workers"
    gpus
    for ((i = 0; i < workers; i++)); do
        worker_command "$i" "$workers"
        if [[ -n ${given[dry-run]:-} ]]; then
            echo "$(show "${command[@]}") &"
        else
            start "$i"
        fi
    done
    if [[ -n ${given[dry-run]:-} ]]; then
        echo wait
    else
        wait_for_all
    fi
}

# Sets `hosts`.
ports() {
    local first=${given[port]:-} free
    if [[ -n $first ]]; then
        need_number --port 1 "$first"
        ((10#$first + $1 <= 65536)) || fail "--port is too large: $first"
        free=$(seq "$((10#$first))" "$((10#$first + $1 - 1))")
    else
        # Held all at once, so that no two are the same.
        free=$("$PYTHON" -c '
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("localhost", 0))
for one in held:
    print(one.getsockname()[1])' "$1")
    fi
    mapfile -t hosts <<<"$free"
    hosts=("${hosts[@]/#/localhost:}")
}

# Sets `visible`: the numbers of the GPUs.
gpus() {
    visible=()
    if [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then
        IFS=, read -r -a visible <<<"$CUDA_VISIBLE_DEVICES"
    elif [[ -n $(type -P nvidia-smi) ]]; then
        mapfile -t visible < <(nvidia-smi --query-gpu=index \
            --format=csv,noheader 2>/dev/null || true)
    fi
}

worker_command() {
    local gpu=
    # Two workers on one GPU would end in an error of NCCL.
    ((${#visible[@]} < $2)) || gpu=${visible[$1]}
    main_command "TF_CONFIG=$(tf_config "$1" "${hosts[@]}")" \
        "CUDA_VISIBLE_DEVICES=$gpu" PYTHONUNBUFFERED=1
}

# env becomes Python, so $! is the worker itself and signals reach it.
start() {
    local out err
    exec {out}> >(prefix "$1")
    readers+=($!)
    exec {err}> >(prefix "$1" >&2)
    readers+=($!)
    "${command[@]}" 1>&"$out" 2>&"$err" &
    pids[$1]=$!
    exec {out}>&- {err}>&-
}

# Ends when its worker does, not with the signals that the worker gets.
prefix() {
    trap '' INT TERM
    while IFS= read -r line || [[ -n $line ]]; do
        printf '[%s] %s\n' "$1" "$line"
    done
}

# SIGINT as SIGTERM, because SIGTERM is what makes main save.
tell() {
    ((++told == 1)) || signal KILL
    signal TERM
    ((kill_at)) || kill_at=$((SECONDS + SAVED_GRACE))
}

signal() {
    ((${#pids[@]} == 0)) || kill -s "$1" "${pids[@]}" 2>/dev/null || true
}

# Wait for all. A loop, because the exit code of each is wanted as it comes and
# a worker that waits for a dead one may have to be killed.
wait_for_all() {
    local i code first=0
    ((!told)) || signal TERM # it came before the last of them was there
    while ((${#pids[@]})); do
        for i in "${!pids[@]}"; do
            ! kill -0 "${pids[i]}" 2>/dev/null || continue
            code=0
            wait "${pids[i]}" || code=$?
            unset "pids[$i]"
            ((first == 0 && code != 0)) || continue
            first=$code
            stop_others "$i" "$code"
        done
        ((!kill_at || SECONDS < kill_at)) || signal KILL
        sleep 0.2 || true
    done
    wait "${readers[@]}" || true # for the last lines
    exit "$first"
}

stop_others() {
    local grace=$FAILED_GRACE
    ((${#pids[@]})) || return 0
    if (($2 == 143)); then
        grace=$SAVED_GRACE
    else
        echo "worker $1 ended with $2; ending the others" >&2
    fi
    signal TERM
    kill_at=$((SECONDS + grace))
}

arguments "hosts= index= localhost= port=" "$@"
no_words
need_recipe
flags=("--gin_param=STRATEGY='multi_worker'" "${flags[@]}")
pids=()
readers=()
told=0 kill_at=0
if [[ -n ${given[hosts]:-} && -n ${given[localhost]:-} ]]; then
    fail "--hosts and --localhost exclude each other"
elif [[ -n ${given[hosts]:-} ]]; then
    one_of_several
elif [[ -n ${given[localhost]:-} ]]; then
    trap tell INT TERM
    trap 'signal KILL' EXIT # none is left, unless this script breaks
    several_here
else
    fail "pass --hosts host0:2222,host1:2222 --index 0, or --localhost 2"
fi
