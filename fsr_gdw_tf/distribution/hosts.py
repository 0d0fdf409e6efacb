"""Which of the hosts this process is, by TF_CONFIG; without TensorFlow."""

import json
import os
from typing import NamedTuple

from fsr_gdw_tf.errors import InvalidInput

TF_CONFIG_EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Host(NamedTuple):
    """Which of how many hosts this process is; 0 hosts: TF_CONFIG is unset."""

    index: int = 0
    count: int = 0


def host() -> Host:
    """What the environment variable TF_CONFIG says."""
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return Host()
    expected = f"expected such as '{TF_CONFIG_EXAMPLE}'"
    try:
        config = json.loads(text)
        task, index = config["task"]["type"], int(config["task"]["index"])
        hosts = config["cluster"]
        if not all(isinstance(v, list) for v in hosts.values()):
            raise TypeError("hosts are not in lists")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"TF_CONFIG does not parse ({error!r}); {expected}"
        ) from error
    chiefs, workers = hosts.get("chief", []), hosts.get("worker", [])
    mine = {"chief": chiefs, "worker": workers}.get(task, [])
    if not 0 <= index < len(mine):
        names = {k: len(v) for k, v in hosts.items()}
        raise InvalidInput(
            f"TF_CONFIG names no {task} {index}: its cluster is {names}; "
            f"{expected}"
        )
    first = 0 if task == "chief" else len(chiefs)
    return Host(first + index, len(chiefs) + len(workers))


def is_chief() -> bool:
    """Whether this process writes what all of them have computed."""
    return host().index == 0


def print_on_chief(text: str) -> None:
    """Print, on the first host only."""
    if is_chief():
        print(text, flush=True)
