#!/usr/bin/env bash
# Train on several pods of a Kubernetes cluster: fill in job.yaml and apply it.
#
#   launch/kubernetes/run.sh --image IMAGE [--workers N] [--gpus N] \
#       [--name NAME] [--yes] --run_dir=/data/runs/webvision \
#       --gin_file=gin/webvision.gin [flags of main]
#
#   --image     image with Python, this package and TensorFlow
#   --workers   number of pods (default: 2)
#   --gpus      GPUs per pod (default: 1; 0 trains on CPUs)
#   --name      name of the Job and of its Service (default: fsr-gdw-tf)
#   --yes       apply the YAML; without it the command is printed, as with
#               --dry-run
#
# The volume claim of job.yaml is mounted at /data in every pod, for the data
# and --run_dir. A Job of the same name is not changed: delete it first (kubectl
# delete job NAME); the same command then resumes the run.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/../common.sh"

# Print a flag as a YAML string; $(NAME) would be a variable of Kubernetes.
yaml_string() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//\$(/\$\$(}"
}

# Print job.yaml with its example values replaced by those of this run.
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

arguments "image= workers= gpus= name= yes" "$@"
need_yes
no_words
need_recipe
image=${given[image]:-} name=${given[name]:-fsr-gdw-tf}
workers=${given[workers]:-2} gpus=${given[gpus]:-1}
[[ $image =~ ^[A-Za-z0-9._:/@-]+$ ]] ||
    fail "--image names a container image with this package, got '$image'"
[[ $name =~ ^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$ ]] ||
    fail "--name takes lower-case letters, digits and hyphens, got '$name'"
need_number --workers 1 "$workers"
need_number --gpus 0 "$gpus"
has_flag run_dir ||
    fail "pass --run_dir=/data/...: pods share /data alone, and it persists"
workers=$((10#$workers)) gpus=$((10#$gpus))
flags=("--gin_param=STRATEGY='multi_worker'" "${flags[@]}")

if [[ -n ${given[dry-run]:-} ]]; then
    echo "kubectl apply -f - <<'YAML'"
    render
    echo YAML
    hint_yes
else
    render | kubectl apply -f -
fi
