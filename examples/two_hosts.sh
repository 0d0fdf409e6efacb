#!/usr/bin/env bash
# Train on two hosts; here both are processes on this machine.
#
#   examples/two_hosts.sh [flags of fsr_gdw_tf.main]
#
# On two machines, start this on each of them, with its own --index:
#
#   launch/multi_worker.sh --hosts host0:2222,host1:2222 --index 0 \
#       --gin_file=gin/digits.gin --mode=train --run_dir=/shared/run
#
# The result is that of one host: each trains on half of every batch, and the
# gradients are added up. Ctrl-C saves a checkpoint; the same command resumes.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
exec launch/multi_worker.sh --localhost 2 \
    --gin_file=gin/digits.gin --gin_file=gin/methods/default.gin \
    --mode=train --gin_param=EPOCHS=5 --run_dir=runs/examples/two_hosts "$@"
