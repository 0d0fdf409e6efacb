"""Turn TensorFlow functions into XLA programs that need no TensorFlow."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from tensorflow.compiler.xla.service import hlo_pb2

# XLA's names of the types, and NumPy's.
TYPES = {"pred": "bool", "bf16": "bfloat16"}
TYPES |= {f"s{n}": f"int{n}" for n in (8, 16, 32, 64)}
TYPES |= {f"u{n}": f"uint{n}" for n in (8, 16, 32, 64)}
TYPES |= {f"f{n}": f"float{n}" for n in (16, 32, 64)}


class XlaProgram(NamedTuple):
    """A program as XLA gets it from TensorFlow, not yet optimised.

    arguments: name and present value of each: the batch, then all variables.
    outputs: what each result is, a metric or the new value of an argument.
    """

    hlo: bytes
    arguments: list[tuple[str, np.ndarray]]
    outputs: list[dict]


def lower(function: Callable, batch: dict) -> XlaProgram:
    """Return the program of a function that XLA compiles, without calling it.

    function: a `tf.function(jit_compile=True)` of a dict of tensors; it returns
        a dict of metrics.
    """
    concrete = function.get_concrete_function(batch)
    program = function.experimental_get_compiler_ir(batch)
    header = program(stage="hlo").split("\n", 1)[0]
    args = arguments(concrete, batch)
    types = [(value.dtype.name, value.shape) for _, value in args]
    if types != signature(header)[0]:
        raise RuntimeError("the program takes other arguments")
    logs = sorted(concrete.structured_outputs)
    results = outputs(header, [name for name, _ in args], logs)
    return XlaProgram(portable(program(stage="hlo_serialized")), args, results)


def arguments(concrete, batch: dict) -> list[tuple[str, np.ndarray]]:
    """Return name and value of each argument: the batch, then captures."""
    variables = {id(v.handle): v for v in concrete.variables}
    named = [(name, batch[name]) for name in sorted(batch)]
    for i, tensor in enumerate(concrete.captured_inputs):
        variable = variables.get(id(tensor))
        if variable is None:
            named.append((f"constant_{i}", tensor))
        else:
            named.append((variable.name.removesuffix(":0"), variable))
    return [(name, value.numpy()) for name, value in named]


def signature(header: str) -> tuple[list, list]:
    """Return (dtype, shape) of each argument and of each result."""
    layout = header.split("entry_computation_layout=")[1]
    sides = [
        [
            (TYPES[kind], tuple(int(n) for n in shape.split(",") if n))
            for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", side)
        ]
        for side in layout.split("->")
    ]
    return sides[0], sides[1]


def outputs(header: str, names: list[str], logs: list[str]) -> list[dict]:
    """Return what each result is: a metric, or an argument's new value.

    The header has it: TensorFlow makes each variable that changes an alias of
    the result that is its new value.
    """
    shared = re.findall(r"\{(\d+)\}: \((\d+), \{\}", header)
    updates = {int(result): int(argument) for result, argument in shared}
    count = len(signature(header)[1])
    if sorted(updates) != list(range(len(logs), count)):
        raise RuntimeError("results that are neither metrics nor variables")
    metrics = [{"name": name} for name in logs]
    return metrics + [
        {"name": names[updates[i]], "updates": updates[i]}
        for i in range(len(logs), count)
    ]


def portable(program: bytes) -> bytes:
    """Return the program without copies, which JAX rejects on GPUs.

    TensorFlow copies a variable to its new value where a step leaves it as is.
    """
    module = hlo_pb2.HloModuleProto.FromString(program)
    for computation in module.computations:
        for instruction in computation.instructions:
            if instruction.opcode == "copy":  # a reshape to the same shape
                instruction.opcode = "reshape"
    return module.SerializeToString()
