"""The devices, hosts and precision of a run."""

import contextlib
import dataclasses
import functools
import signal
import threading
from collections.abc import Iterator

import gin
import keras
import tensorflow as tf

from fsr_gdw_tf.distribution.hosts import (
    TF_CONFIG_EXAMPLE,
    host,
    tpu_name,
    unset_empty_tf_config,
)
from fsr_gdw_tf.errors import InvalidInput, first_line, suggest_names

STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("float32", "mixed_bfloat16")


@gin.register
@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices and the precision that a run trains with.

    strategy: "one" device, "mirrored" over the GPUs of this host,
        "multi_worker" over the hosts of TF_CONFIG, "tpu", or "auto": the
        largest of these that is available.
    replicas: the required number of replicas; None takes all available.
    kind: "CPU" mirrors over logical CPUs, to try out several replicas.
    precision: "mixed_bfloat16" computes features in bfloat16; heads, losses,
        scores and weights stay in float32.
    sync_batch_norm: whether batch normalisation is over the global batch.
    steps_per_execution: steps per call from Python.
    jit_compile: whether XLA compiles the step; "auto" is yes on one GPU, no on
        a CPU and on several replicas. XLA draws other random numbers.
    """

    strategy: str = "auto"
    replicas: int | None = None
    kind: str | None = None
    precision: str = "float32"
    sync_batch_norm: bool = False
    steps_per_execution: int = 1
    jit_compile: bool | str = "auto"

    def __post_init__(self):
        for what, value, choices in (
            ("strategy", self.strategy, STRATEGIES),
            ("precision", self.precision, PRECISIONS),
            ("kind of device", self.kind, (None, "CPU")),
        ):
            if value not in choices:
                names = suggest_names(value, map(str, choices))
                raise InvalidInput(f"no {what} {value!r}: {names}")
        for what, value in (
            ("REPLICAS", self.replicas or 1),
            ("STEPS_PER_EXECUTION", self.steps_per_execution),
        ):
            if not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{what} must be 1 or more, got {value!r}")

    @contextlib.contextmanager
    def scope(self) -> Iterator[tf.distribute.Strategy]:
        """Enter the strategy and precision to build networks and methods in."""
        before = keras.config.dtype_policy()
        strategy = make_strategy(self.strategy, self.replicas, self.kind)
        keras.config.set_dtype_policy(self.precision)
        try:
            with strategy.scope():
                yield strategy
        finally:
            keras.config.set_dtype_policy(before)


@functools.cache  # several in a process break TensorFlow's collectives
def make_strategy(
    name: str = "auto", replicas: int | None = None, kind: str | None = None
) -> tf.distribute.Strategy:
    """Return a strategy; raise if it does not have that many replicas."""
    unset_empty_tf_config()
    _check_hosts(name, host().count)
    gpus = tf.config.list_physical_devices("GPU")
    if name == "auto":
        name = _largest(gpus, kind)
    if name == "one":
        strategy = tf.distribute.get_strategy()
    elif name == "tpu":
        strategy = _tpu()
    elif name == "multi_worker":
        strategy = _multi_worker()
    elif kind == "CPU":
        strategy = _logical_cpus(replicas or 2)
    else:
        strategy = _mirrored(gpus, replicas or len(gpus))
    available = strategy.num_replicas_in_sync
    if replicas not in (None, available):
        raise InvalidInput(
            f"REPLICAS={replicas}, but the strategy {name!r} has {available} "
            f"replica(s); set REPLICAS={available} or None"
        )
    return strategy


def _check_hosts(name: str, hosts: int) -> None:
    if hosts > 1 and name not in ("auto", "multi_worker"):
        raise InvalidInput(
            f"TF_CONFIG names {hosts} hosts, which would each train alone and "
            f"write to the same folder with STRATEGY={name!r}; take "
            "'multi_worker', or unset TF_CONFIG"
        )


def _largest(gpus: list, kind: str | None) -> str:
    """Return the strategy that uses the most of what is available."""
    if host().count > 1:
        return "multi_worker"
    if tf.config.list_physical_devices("TPU") or tpu_name() is not None:
        return "tpu"
    return "mirrored" if len(gpus) > 1 or kind == "CPU" else "one"


def _mirrored(gpus: list, replicas: int) -> tf.distribute.Strategy:
    if not 0 < replicas <= len(gpus):
        raise InvalidInput(
            f"STRATEGY='mirrored' needs {replicas or 'some'} GPU(s), this host "
            f"has {len(gpus)}; lower REPLICAS, or set DEVICE='CPU' for a trial"
        )
    return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(replicas)])


def _logical_cpus(replicas: int) -> tf.distribute.Strategy:
    cpu = tf.config.list_physical_devices("CPU")[0]
    logical = [tf.config.LogicalDeviceConfiguration()] * replicas
    try:
        tf.config.set_logical_device_configuration(cpu, logical)
    except RuntimeError as error:
        raise InvalidInput(
            f"{replicas} logical CPUs must be set up before TensorFlow "
            "computes anything; start a new process"
        ) from error
    # The default collectives break on logical CPUs with a second optimizer.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )


def _multi_worker() -> tf.distribute.Strategy:
    if not host().count:
        raise InvalidInput(
            "STRATEGY='multi_worker' needs the hosts in the environment "
            f"variable TF_CONFIG, such as '{TF_CONFIG_EXAMPLE}'; "
            "launch/multi_worker.sh sets it"
        )
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if threading.current_thread() is threading.main_thread():
        # TensorFlow now catches SIGTERM and does nothing: a run that is told
        # to stop before its first step would go on.
        handler = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)
    return strategy


def _tpu() -> tf.distribute.Strategy:
    try:
        name = tpu_name()
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            tpu="local" if name is None else name
        )
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, KeyError, tf.errors.OpError) as error:
        raise InvalidInput(
            "STRATEGY='tpu', but no TPU was found "
            f"({first_line(error)[:80]}); on a TPU "
            "VM, replace tensorflow by the wheel tensorflow-tpu (newest: "
            "2.20.0), see launch/tpu_vm.sh"
        ) from error
