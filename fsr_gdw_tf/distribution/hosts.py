"""Which host this is; the environment variables of hosts and TPUs."""

import functools
import os
from typing import NamedTuple

from fsr_gdw_tf.errors import InvalidInput

TF_CONFIG_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Host(NamedTuple):
    """This host's index, and the number of hosts: 0 without TF_CONFIG."""

    index: int = 0
    count: int = 0


def host() -> Host:
    """Return what the environment variable TF_CONFIG says of this host."""
    return _host_of(os.environ.get("TF_CONFIG", "").strip())


@functools.cache  # asked in every step of training
def _host_of(tf_config: str) -> Host:
    """Return the host of a TF_CONFIG, which the resolver reads again."""
    if not tf_config:
        return Host()
    # Only here: without TF_CONFIG, files and figures need no TensorFlow.
    import tensorflow as tf

    expected = f"expected, for example, '{TF_CONFIG_EXAMPLE}'"
    try:
        config = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        task, index = config.task_type, config.task_id
        hosts = config.cluster_spec().as_dict()
        if not hosts or task is None or index is None:
            raise KeyError("cluster, task type or task index")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"TF_CONFIG does not parse ({error!r}); {expected}"
        ) from error
    chiefs, workers = hosts.get("chief", []), hosts.get("worker", [])
    peers = {"chief": chiefs, "worker": workers}.get(task, [])
    if not 0 <= index < len(peers):
        counts = {job: len(addresses) for job, addresses in hosts.items()}
        raise InvalidInput(
            f"TF_CONFIG has no {task} {index}: its cluster is {counts}; "
            f"{expected}"
        )
    first = 0 if task == "chief" else len(chiefs)
    return Host(first + index, len(chiefs) + len(workers))


def unset_empty_tf_config() -> None:
    """Unset an empty TF_CONFIG, which TensorFlow cannot parse."""
    if not host().count:
        os.environ.pop("TF_CONFIG", None)


def tpu_name() -> str | None:
    """Return the environment variable TPU_NAME, if it is set."""
    return os.environ.get("TPU_NAME")


def is_chief() -> bool:
    """Return whether this is the first host, which writes all results."""
    return host().index == 0


def print_on_chief(text: str) -> None:
    """Print on the first host only."""
    if is_chief():
        print(text, flush=True)
