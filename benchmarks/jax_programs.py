"""Run XLA programs of `xla_programs.py` with JAX, without TensorFlow."""

import argparse
import os
import sys


def compiled(program: bytes, device):
    """Compile a program for a device."""
    from jax.extend import backend, mlir

    module = mlir.hlo_to_stablehlo(program)
    options = backend.get_compile_options(num_replicas=1, num_partitions=1)
    return device.client.compile_and_load(module, [device], options)


def find_device():
    """Return the first device, with 64-bit types enabled: indices need them."""
    try:
        import jax
    except ImportError:
        exit_with_error(
            "this needs JAX: pip install jax, or jax[cuda] for a GPU"
        )
    jax.config.update("jax_enable_x64", True)
    try:
        return jax.local_devices()[0]
    except (RuntimeError, AssertionError):
        wanted = os.environ.get("JAX_PLATFORMS") or "any platform"
        exit_with_error(f"JAX finds no device of {wanted}")


def execute(executable, arguments: list) -> list:
    """Start a compiled program, without waiting for it; return its results.

    Arguments that a result is the new value of share its memory: they are
    invalid afterwards.
    """
    ran = executable.execute_sharded(arguments)
    parts = ran.disassemble_into_single_device_arrays()
    return [part for (part,) in parts]


def exit_with_error(message: str) -> None:
    """Print an error in one line, and exit with code 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def at_least(least: int):
    """Return a parser of integers that are large enough."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{least} or more, got {text!r}")
        return int(text)

    return parse
