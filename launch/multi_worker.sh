#!/usr/bin/env bash
# Train on several hosts, one process per host. Start the same command on all of
# them, each with its own --index:
#
#   launch/multi_worker.sh --hosts host0:2222,host1:2222 --index 0 \
#       --run_dir=/shared/run --gin_file=gin/digits.gin [flags of main]
#
# or, as a trial, start N processes on this machine:
#
#   launch/multi_worker.sh --localhost N [--port P] --gin_file=gin/digits.gin
#
#   --hosts      all hosts, in the same order everywhere
#   --index      position of this host in --hosts (default: SLURM_PROCID)
#   --localhost  start N workers here; each line of output starts with [index]
#   --port       the first of N ports (default: free ports)
#   --dry-run    print the commands, start nothing
#
# --run_dir is one folder that all hosts share; the first host writes to it.
# With --localhost, SIGTERM or Ctrl-C is passed on to all workers, which save a
# checkpoint and exit with code 143; the same command resumes the run. A second
# signal kills them. If a worker fails, the others are stopped and the script
# exits with the code of that worker. If the script itself is killed (kill -9),
# Linux sends SIGTERM to the workers.
#
# With --localhost each worker gets one GPU if there are at least N of them (as
# limited by CUDA_VISIBLE_DEVICES), else none. PYTHON sets the interpreter.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

FAILED_GRACE=10  # seconds until SIGKILL after a failure: nothing is saved then
SAVED_GRACE=120  # after SIGTERM: the first host may be writing the checkpoint

one_of_several() {
    local index=${given[index]:-${SLURM_PROCID:-}} host
    [[ -z ${given[port]:-} ]] ||
        fail "--port goes with --localhost; --hosts includes the ports"
    IFS=, read -r -a hosts <<<"${given[hosts]}"
    for host in "${hosts[@]}"; do
        [[ $host =~ ^[A-Za-z0-9_.-]+:[0-9]{1,5}$ ]] ||
            fail "--hosts takes host0:2222,host1:2222, got '$host'"
    done
    [[ -n $index ]] ||
        fail "--hosts needs --index, the position of this host in the list"
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
    leash
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

# Set `hosts` to N ports of localhost.
ports() {
    local first=${given[port]:-} free
    if [[ -n $first ]]; then
        need_number --port 1 "$first"
        ((10#$first + $1 <= 65536)) || fail "--port is too large: $first"
        free=$(seq "$((10#$first))" "$((10#$first + $1 - 1))")
    else
        # All are open at the same time, so that no two are the same.
        free=$("$PYTHON" -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("localhost", 0))
for s in sockets:
    print(s.getsockname()[1])' "$1")
    fi
    mapfile -t hosts <<<"$free"
    hosts=("${hosts[@]/#/localhost:}")
}

# Set `visible` to the indices of the GPUs.
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
    # NCCL fails if two workers share a GPU.
    ((${#visible[@]} < $2)) || gpu=${visible[$1]}
    main_command "TF_CONFIG=$(tf_config "$1" "${hosts[@]}")" \
        "CUDA_VISIBLE_DEVICES=$gpu" PYTHONUNBUFFERED=1
}

# Set `leash`: the command that starts a worker which does not outlive this
# script, where setpriv (util-linux) can do that.
leash() {
    leash=(setpriv --pdeathsig TERM --)
    "${leash[@]}" true 2>/dev/null || leash=()
}

# env replaces itself by Python, so $! is the worker and receives the signals.
start() {
    local out err
    exec {out}> >(prefix "$1")
    readers+=($!)
    exec {err}> >(prefix "$1" >&2)
    readers+=($!)
    "${leash[@]}" "${command[@]}" 1>&"$out" 2>&"$err" &
    pids[$1]=$!
    exec {out}>&- {err}>&-
}

# Ignore signals, to print what the worker writes until it ends.
prefix() {
    trap '' HUP INT TERM
    while IFS= read -r line || [[ -n $line ]]; do
        printf '[%s] %s\n' "$1" "$line"
    done
}

# Answer SIGINT with SIGTERM as well: SIGTERM is the signal on which main saves.
stop_workers() {
    ((++n_signals == 1)) || signal KILL
    signal TERM
    ((kill_at)) || kill_at=$((SECONDS + SAVED_GRACE))
}

signal() {
    ((${#pids[@]} == 0)) || kill -s "$1" "${pids[@]}" 2>/dev/null || true
}

# Wait for all workers. In a loop, to see each exit code at once, and to kill
# workers that wait for one that is gone.
wait_for_all() {
    local i code first=0
    ((!n_signals)) || signal TERM # it may have come before all had started
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
    wait "${readers[@]}" || true # until the last lines are printed
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
n_signals=0 kill_at=0
if [[ -n ${given[hosts]:-} && -n ${given[localhost]:-} ]]; then
    fail "--hosts and --localhost exclude each other"
elif [[ -n ${given[hosts]:-} ]]; then
    one_of_several
elif [[ -n ${given[localhost]:-} ]]; then
    trap stop_workers HUP INT TERM
    trap 'signal KILL' EXIT # only if this script fails are any left
    several_here
else
    fail "pass --hosts host0:2222,host1:2222 --index 0, or --localhost 2"
fi
