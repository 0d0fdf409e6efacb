# What the launch scripts share; they source it. Needs bash 4.4 or newer.
# shellcheck shell=bash

LAUNCH=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname -- "$LAUNCH")
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python3
    [[ ! -x $ROOT/.venv/bin/python ]] || PYTHON=$ROOT/.venv/bin/python
fi

# Say in one line what is wrong, and end as main does.
fail() {
    echo "error: $*" >&2
    exit 2
}

# The comment at the head of the script that was started.
usage() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# Sort arguments. `flags` is what goes to main: --name=value. `given` holds the
# script's own options, named in the first argument ("hosts=" takes a value,
# "cpu" takes none); `words` is what does not start with --.
arguments() {
    local own=" $1 dry-run " name
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
        elif [[ $own == *" $name= "* && $1 == *=* ]]; then
            given[$name]=${1#*=}
        elif [[ $own == *" $name= "* ]]; then
            (($# > 1)) || fail "--$name needs a value"
            given[$name]=$2
            shift
        elif [[ $own == *" ${1#--} "* ]]; then
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

# Words are left over only if somebody forgot a -- or a =.
no_words() {
    ((${#words[@]} == 0)) || unexpected "${words[0]}"
}

# Whether main gets a flag of this name.
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

# A whole number of at least $2, or an error that names it. 10# because a zero
# in front would make it octal.
need_number() {
    if [[ ! $3 =~ ^[0-9]{1,6}$ ]] || ((10#$3 < $2)); then
        fail "$1 must be a whole number, $2 or more, got '$3'"
    fi
}

# Main, out of this checkout, whatever folder the user is in. Variables go
# before it (main_command NAME=value ...), `flags` behind it.
main_command() {
    command=(env -u TF_CONFIG "PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}")
    command+=("$@" "$PYTHON" -m fsr_gdw_tf.main "${flags[@]}")
}

# A word as a shell reads it back, with as few quotes as it takes.
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

# A command in one line that can be pasted into a shell.
show() {
    local line word
    line=$(quoted "$1")
    shift
    for word in "$@"; do line+=" $(quoted "$word")"; done
    printf '%s\n' "$line"
}

# Become the command; with --dry-run show it.
run() {
    if [[ -n ${given[dry-run]:-} ]]; then
        show "$@"
    else
        exec "$@"
    fi
}

# TF_CONFIG of one host: tf_config INDEX HOST:PORT...
tf_config() {
    local index=$1 list
    shift
    list=$(printf ', "%s"' "$@")
    printf '{"cluster": {"worker": [%s]}, ' "${list#, }"
    printf '"task": {"type": "worker", "index": %s}}' "$index"
}
