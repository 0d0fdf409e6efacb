#!/usr/bin/env bash
# Train on a Cloud TPU VM of one host.
#
#   launch/tpu_vm.sh create  --zone ZONE --disk DISK [--spot]
#   launch/tpu_vm.sh install --zone ZONE
#   launch/tpu_vm.sh run     --zone ZONE webvision [flags of main]
#   launch/tpu_vm.sh resume  --zone ZONE --disk DISK [--spot] webvision [flags]
#   launch/tpu_vm.sh delete  --zone ZONE
#
#   create    a TPU VM with the disk; the disk stays when the VM goes
#   install   mount the disk at /mnt/data, install TensorFlow and this package
#   run       start the recipe, webvision or inaturalist, in the background; its
#             log is /mnt/data/runs/<recipe>.log
#   resume    after a preemption: delete, create, install, run
#   delete    the VM, not the disk
#
#   --name      of the VM (default: fsr-gdw-tf)
#   --type      of the TPU (default: v5litepod-8)
#   --version   of its software (default: the one that goes with the type)
#   --dry-run   print the commands, start nothing
#
# NOT TRIED ON A TPU: none was at hand when this was written. Tested are the
# dry run and that XLA compiles the training steps, on a CPU. Newest wheel of
# TensorFlow for TPUs at that time: tensorflow-tpu 2.20.0; it takes the place of
# tensorflow and brings libtpu along.
#
# DISK is a persistent disk in the same zone with an ext4 file system and the
# data on it: webvision/ (info/, google/, val_images_256/), or tfds/ as
# tensorflow-datasets prepares it. Batch sizes suit 8 replicas (and 4, and 16);
# flags of yours come last and win. Slices of several hosts are not supported.
# A run that stopped while its VM is still there goes on with `run`.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

WHEEL=tensorflow-tpu==2.20.0
ENVIRONMENT="\$HOME/fsr-gdw-tf" # on the VM; the quotes leave $HOME to it
DATA=/mnt/data

step() {
    if [[ -n ${given[dry-run]:-} ]]; then
        show "$@"
    else
        show "$@" >&2
        "$@"
    fi
}

tpu() {
    step gcloud compute tpus tpu-vm "$@" "--zone=$zone"
}

on_vm() {
    tpu ssh "$name" "--command=$1"
}

create() {
    local disk=${given[disk]:-} spot=()
    [[ -n $disk ]] || fail "--disk names the persistent disk with the data"
    [[ -z ${given[spot]:-} ]] || spot=(--spot)
    # A full path, which is what the flag takes; gcloud knows the project.
    local project=${CLOUDSDK_CORE_PROJECT:-PROJECT}
    if [[ $project == PROJECT && -z ${given[dry-run]:-} ]]; then
        project=$(gcloud config get-value project)
        [[ -n $project ]] || fail "gcloud config set project PROJECT, first"
    fi
    disk=projects/$project/zones/$zone/disks/$disk
    tpu create "$name" "--accelerator-type=$type" "--version=$version" \
        "--data-disk=source=$disk,mode=read-write" "${spot[@]}"
}

# What setup.py asks for, but tensorflow.
requirements() {
    sed -n '/install_requires/,/\]/s/^ *"\([^"]*\)".*/\1/p' "$ROOT/setup.py" |
        grep -v '^tensorflow[<>=]'
}

install() {
    local release wheel pip="$ENVIRONMENT/bin/pip" needed
    release=$(sed -n 's/^ *version="\(.*\)",/\1/p' "$ROOT/setup.py")
    wheel=fsr_gdw_tf-$release-py3-none-any.whl
    needed=$(requirements | sed "s/.*/'&'/" | paste -s -d ' ')
    step "$PYTHON" -m pip wheel --quiet --no-deps "--wheel-dir=$ROOT/dist" \
        "$ROOT"
    tpu scp "$ROOT/dist/$wheel" "$name:"
    # The first disk that was added; unlike sdb the name does not change.
    on_vm "sudo mkdir -p $DATA && { mountpoint -q $DATA || sudo mount\
 /dev/disk/by-id/google-persistent-disk-1 $DATA; }\
 && sudo chown \"\$USER\" $DATA && mkdir -p $DATA/runs"
    on_vm "sudo apt-get update && sudo apt-get install -y python3-venv\
 && python3 -m venv $ENVIRONMENT"
    # tensorflow and tensorflow-tpu own the same files: one goes, then the other
    # comes, and nothing after it may ask for tensorflow again. libtpu is an
    # ordinary requirement of this wheel: no -f is needed.
    on_vm "$pip install $needed && $pip uninstall -y tensorflow\
 && $pip install --force-reinstall --no-deps $WHEEL && $pip install $WHEEL\
 && $pip install --force-reinstall --no-deps ./$wheel"
}

# Sets `flags`: the recipe's, then the user's.
recipe_flags() {
    local data size
    case $1 in
        webvision) data=webvision size=128 ;;   # 8 x 16
        inaturalist) data=tfds size=256 ;;      # 8 x 32
        *) fail "run takes webvision or inaturalist, got '$1'" ;;
    esac
    flags=(
        "--gin_file=gin/$1.gin"
        "--gin_param=DATA_DIR='$DATA/$data'"
        "--gin_param=STRATEGY='tpu'"
        "--gin_param=PRECISION='mixed_bfloat16'"
        --gin_param=STEPS_PER_EXECUTION=50
        "--gin_param=BATCH_SIZE=$size"
        "--run_dir=$DATA/runs/$1"
        "${flags[@]}"
    )
}

start() {
    local line word python="$ENVIRONMENT/bin/python"
    line="TPU_NAME=local PYTHONUNBUFFERED=1"
    # Public recipes for these generations set the PJRT interface; not tried.
    if [[ $type == v5* || $type == v6* ]]; then
        line+=" NEXT_PLUGGABLE_DEVICE_USE_C_API=true"
        line+=" TF_PLUGGABLE_DEVICE_LIBRARY_PATH=\$($python -c"
        line+=" 'import libtpu; print(libtpu.get_library_path())')"
    fi
    line+=" nohup $python -m fsr_gdw_tf.main"
    for word in "${flags[@]}"; do line+=" $(quoted "$word")"; done
    on_vm "cd $DATA && $line >>runs/$recipe.log 2>&1 </dev/null &"
}

delete() {
    tpu delete "$name" --quiet
}

arguments "zone= name= type= version= disk= spot" "$@"
verb=${words[0]:-} zone=${given[zone]:-} name=${given[name]:-fsr-gdw-tf}
type=${given[type]:-v5litepod-8} recipe=
case $type in
    v6e-*) version=v2-alpha-tpuv6e ;;
    v5litepod-*) version=v2-alpha-tpuv5-lite ;;
    v5p-*) version=v2-alpha-tpuv5 ;;
    v[234]-*) version=tpu-ubuntu2204-base ;;
    *) fail "--type takes v5litepod-8, v6e-8, v3-8 and the like, got '$type'" ;;
esac
version=${given[version]:-$version}
case $verb in
    create | install | delete)
        words=("${words[@]:1}")
        no_words
        ((${#flags[@]} == 0)) || unexpected "${flags[0]}"
        ;;
    run | resume)
        recipe=${words[1]:-}
        words=("${words[@]:2}")
        no_words
        recipe_flags "$recipe"
        ;;
    *) fail "pass create, install, run, resume or delete, got '$verb'" ;;
esac
[[ -n $zone ]] || fail "--zone names the zone of the TPU, such as us-west4-a"
[[ $zone$name$version${given[disk]:-} =~ ^[a-z0-9.-]+$ ]] ||
    fail "names of Google Cloud have small letters, digits and hyphens only"

case $verb in
    run) start ;;
    resume)
        [[ -n ${given[disk]:-} ]] || fail "--disk names the disk of the run"
        delete || echo "no VM was left" >&2
        create
        install
        start
        ;;
    *) "$verb" ;;
esac
