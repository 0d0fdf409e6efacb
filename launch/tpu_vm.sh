#!/usr/bin/env bash
# Train on a Cloud TPU VM with one host.
#
#   launch/tpu_vm.sh create  --zone ZONE --disk DISK [--spot]
#   launch/tpu_vm.sh install --zone ZONE
#   launch/tpu_vm.sh run     --zone ZONE webvision [flags of main]
#   launch/tpu_vm.sh resume  --zone ZONE --disk DISK [--spot] webvision [flags]
#   launch/tpu_vm.sh delete  --zone ZONE
#
#   create    create a TPU VM with the disk attached
#   install   mount the disk at /mnt/data, install TensorFlow and this package
#   run       start a recipe (webvision or inaturalist) in the background; its
#             log is /mnt/data/runs/<recipe>.log
#   resume    after a preemption: delete, create, install, run
#   delete    delete the VM but not the disk
#
#   --name      name of the VM (default: fsr-gdw-tf)
#   --type      type of the TPU (default: v5litepod-8)
#   --version   software version of the TPU (default: the one for the type)
#   --yes       run the commands, some of which create or delete VMs; without
#               it they are printed, as with --dry-run
#
# NOT TRIED ON A TPU: none was available when this was written. Tested on a CPU
# are the dry run and the compilation of the training steps by XLA. The newest
# wheel of TensorFlow for TPUs was tensorflow-tpu 2.20.0; it replaces tensorflow
# and installs libtpu.
#
# DISK is a persistent disk in the same zone, with an ext4 file system and the
# data: webvision/ (info/, google/, val_images_256/), or tfds/ as prepared by
# tensorflow-datasets. Batch sizes suit 4, 8 or 16 replicas; your flags come
# last and override the script's. TPU slices with several hosts are not
# supported. If a run stopped but its VM still exists, `run` resumes it.

set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

WHEEL=tensorflow-tpu==2.20.0
ENVIRONMENT="\$HOME/fsr-gdw-tf" # on the VM, which expands $HOME
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
    # The flag takes a full path with the project, which gcloud has configured.
    local project=${CLOUDSDK_CORE_PROJECT:-PROJECT}
    if [[ $project == PROJECT && -z ${given[dry-run]:-} ]]; then
        project=$(gcloud config get-value project)
        [[ -n $project ]] || fail "run first: gcloud config set project PROJECT"
    fi
    disk=projects/$project/zones/$zone/disks/$disk
    tpu create "$name" "--accelerator-type=$type" "--version=$version" \
        "--data-disk=source=$disk,mode=read-write" "${spot[@]}"
}

# Print the requirements of setup.py except tensorflow.
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
    # The first attached disk; this name, unlike sdb, does not change.
    on_vm "sudo mkdir -p $DATA && { mountpoint -q $DATA || sudo mount\
 /dev/disk/by-id/google-persistent-disk-1 $DATA; }\
 && sudo chown \"\$USER\" $DATA && mkdir -p $DATA/runs"
    on_vm "sudo apt-get update && sudo apt-get install -y python3-venv\
 && python3 -m venv $ENVIRONMENT"
    # tensorflow and tensorflow-tpu install the same files: remove the former,
    # then install the latter, and nothing that requires tensorflow after it.
    # libtpu is an ordinary requirement of this wheel: no -f is needed.
    on_vm "$pip install $needed && $pip uninstall -y tensorflow\
 && $pip install --force-reinstall --no-deps $WHEEL && $pip install $WHEEL\
 && $pip install --force-reinstall --no-deps ./$wheel"
}

# Set `flags`: those of the recipe, then the user's.
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
    # Public scripts for these generations set the PJRT interface; not tried.
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

arguments "zone= name= type= version= disk= spot yes" "$@"
need_yes
verb=${words[0]:-} zone=${given[zone]:-} name=${given[name]:-fsr-gdw-tf}
type=${given[type]:-v5litepod-8} recipe=
case $type in
    v6e-*) version=v2-alpha-tpuv6e ;;
    v5litepod-*) version=v2-alpha-tpuv5-lite ;;
    v5p-*) version=v2-alpha-tpuv5 ;;
    v[234]-*) version=tpu-ubuntu2204-base ;;
    *) fail "--type takes v5litepod-8, v6e-8, v3-8 or similar, got '$type'" ;;
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
    fail "names in Google Cloud take lower-case letters, digits and hyphens"

case $verb in
    run) start ;;
    resume)
        [[ -n ${given[disk]:-} ]] || fail "--disk names the disk of the run"
        delete || echo "there was no VM to delete" >&2
        create
        install
        start
        ;;
    *) "$verb" ;;
esac
hint_yes
