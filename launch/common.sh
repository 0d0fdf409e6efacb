# Functions of all launch scripts, which source this file. Needs bash 4.4.
# shellcheck shell=bash

LAUNCH=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$LAUNCH")
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python3
    [[ ! -x $ROOT/.venv/bin/python ]] || PYTHON=$ROOT/.venv/bin/python
fi

# Print an error in one line and exit with code 2, as main does.
fail() {
    echo "error: $*" >&2
    exit 2
}

# Print the comment at the head of the script that was started.
usage() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# Parse arguments into three variables: `flags`, the flags of main
# (--name=value); `given`, the script's options, whose names are in the first
# argument ("hosts=" takes a value, "cpu" takes none); `words`, positional ones.
arguments() {
    local options=" $1 dry-run " name
    shift
    declare -gA given=()
    flags=() words=()
    while (($#)); do
        name=${1#--}
        name=${name%%=*}
        if [[ $1 == --help || $1 == -h ]]; then
            usage
            exit 0
        elif [[ $1 != -* ]]; then
            words+=("$1")
        elif [[ $options == *" $name= "* && $1 == *=* ]]; then
            given[$name]=${1#*=}
        elif [[ $options == *" $name= "* ]]; then
            (($# > 1)) || fail "--$name needs a value"
            given[$name]=$2
            shift
        elif [[ $options == *" ${1#--} "* ]]; then
            given[$name]=yes
        elif [[ $1 =~ ^--[a-z_]+= ]]; then
            flags+=("$1")
        else
            unexpected "$1"
        fi
        shift
    done
}

unexpected() {
    fail "unexpected argument '$1'; flags of main are given as --name=value"
}

# Reject positional arguments: a -- or a = is missing.
no_words() {
    ((${#words[@]} == 0)) || unexpected "${words[0]}"
}

# Return success if `flags` has a flag of this name.
has_flag() {
    local flag
    for flag in "${flags[@]}"; do
        [[ $flag != "--$1="* ]] || return 0
    done
    return 1
}

need_recipe() {
    has_flag gin_file ||
        fail "no configuration: pass --gin_file=gin/digits.gin"
}

# Exit with an error unless $3, the value of $1, is a whole number of at least
# $2. 10#, as bash reads numbers with a leading zero as octal.
need_number() {
    if [[ ! $3 =~ ^[0-9]{1,6}$ ]] || ((10#$3 < $2)); then
        fail "$1 must be a whole number, $2 or more, got '$3'"
    fi
}

# Set `command` to main of this checkout, from any current folder, with `flags`.
# Arguments are environment variables: main_command NAME=value ...
main_command() {
    command=(env -u TF_CONFIG "PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}")
    command+=("$@" "$PYTHON" -m fsr_gdw_tf.main "${flags[@]}")
}

# Print a word quoted for a shell, with as few quotes as possible.
quoted() {
    local plain='^[A-Za-z0-9_./:=,@%+~-]+$' hard='[\\$`"!]' tick="'\\''"
    if [[ $1 =~ $plain ]]; then
        printf '%s' "$1"
    elif [[ $1 == *\'* && ! $1 =~ $hard ]]; then
        printf '"%s"' "$1"
    elif [[ $1 =~ ^[A-Z_]+= ]]; then
        printf '%s=' "${1%%=*}"
        quoted "${1#*=}"
    else
        printf "'%s'" "${1//\'/$tick}"
    fi
}

# Print a command as one line that can be pasted into a shell.
show() {
    local line word
    line=$(quoted "$1")
    shift
    for word in "$@"; do line+=" $(quoted "$word")"; done
    printf '%s\n' "$line"
}

# Replace this process by the command; with --dry-run print the command.
run() {
    if [[ -n ${given[dry-run]:-} ]]; then
        show "$@"
    else
        exec "$@"
    fi
}

# Print only, as with --dry-run, unless --yes is given: for scripts that act
# outside of this machine, where mistakes cost money or the runs of others.
need_yes() {
    [[ -n ${given[yes]:-} ]] || given[dry-run]=${given[dry-run]:-no-yes}
}

# Say at the end of a script that it has only printed.
hint_yes() {
    [[ ${given[dry-run]:-} != no-yes ]] ||
        echo "nothing was done; add --yes to do it" >&2
}

# Print the TF_CONFIG of one host: tf_config INDEX HOST:PORT...
tf_config() {
    local index=$1 list
    shift
    list=$(printf ', "%s"' "$@")
    printf '{"cluster": {"worker": [%s]}, ' "${list#, }"
    printf '"task": {"type": "worker", "index": %s}}' "$index"
}
