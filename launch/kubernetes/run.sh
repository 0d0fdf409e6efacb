#!/usr/bin/env bash
# Train on several pods of a Kubernetes cluster: fills in job.yaml, applies it.
#
#   launch/kubernetes/run.sh --image IMAGE [--workers N] [--gpus N] \
#       [--name NAME] [--dry-run] --run_dir=/data/runs/webvision \
#       --gin_file=gin/webvision.gin [flags of main]
#
#   --image     Python with this package and TensorFlow in it
#   --workers   pods (default: 2)
#   --gpus      GPUs of each pod (default: 1; 0 trains on CPUs)
#   --name      of the Job and of its Service (default: fsr-gdw-tf)
#   --dry-run   print the command with the YAML, apply nothing
#
# The volume claim of job.yaml is mounted at /data in every pod; data and
# --run_dir lie there. A Job that is there already is not changed: delete it
# first (kubectl delete job NAME); the same command then goes on.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/../common.sh"

# A flag as a string of YAML; Kubernetes would read $(NAME) as a variable.
yaml_string() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//\$(/\$\$(}"
}

# job.yaml, line by line: what stands there is an example of each.
render() {
    local line before written=
    while IFS= read -r line; do
        line=${line//fsr-gdw-tf/$name}
        before=${line%%[! ]*}
        case ${line#"$before"} in
            'image: '*) line="${before}image: $(yaml_string "$image")" ;;
            'completions: '* | 'parallelism: '*)
                line="${line%%:*}: $workers" ;;
            'nvidia.com/gpu: '*) line="${line%%:*}: $gpus" ;;
            'value: "2"') line="${before}value: \"$workers\"" ;;
            '- "--'*)
                [[ -z $written ]] || continue
                written=yes
                for flag in "${flags[@]}"; do
                    printf '%s- %s\n' "$before" "$(yaml_string "$flag")"
                done
                continue
                ;;
            '#'*) continue ;;
        esac
        printf '%s\n' "$line"
    done <"$LAUNCH/kubernetes/job.yaml"
}

arguments "image= workers= gpus= name=" "$@"
no_words
need_recipe
image=${given[image]:-} name=${given[name]:-fsr-gdw-tf}
workers=${given[workers]:-2} gpus=${given[gpus]:-1}
[[ $image =~ ^[A-Za-z0-9._:/@-]+$ ]] ||
    fail "--image names a container image with this package, got '$image'"
[[ $name =~ ^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$ ]] ||
    fail "--name takes small letters, digits and hyphens, got '$name'"
need_number --workers 1 "$workers"
need_number --gpus 0 "$gpus"
has_flag run_dir ||
    fail "pass --run_dir=/data/...: only /data is seen by all pods, and stays"
workers=$((10#$workers)) gpus=$((10#$gpus))
flags=("--gin_param=STRATEGY='multi_worker'" "${flags[@]}")

if [[ -n ${given[dry-run]:-} ]]; then
    echo "kubectl apply -f - <<'YAML'"
    render
    echo YAML
else
    render | kubectl apply -f -
fi
