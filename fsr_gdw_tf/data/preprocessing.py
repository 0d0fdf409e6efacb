"""Inputs as a network's own preprocessor makes them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fsr_gdw_tf.data.source import Source


class PreprocessingReader:
    """A reader whose inputs pass through a function of batches."""

    def __init__(self, reader, function: Callable):
        self.reader, self.function = reader, function
        self.batched, self.in_files = reader.batched, reader.in_files
        self.name = reader.name

    def fetch(self, row: tf.Tensor) -> Any:
        """Return the input at a row, or the inputs at a vector of rows."""
        inputs = self.reader.fetch(row)
        if self.batched and row.shape.rank:
            return self.function(inputs)
        inputs = tf.nest.map_structure(lambda x: x[None], inputs)
        outputs = self.function(inputs)
        return tf.nest.map_structure(lambda x: x[0], outputs)


def preprocess_source(source: Source, function: Callable | None) -> Source:
    """Return the source with inputs that have passed the function, once."""
    if function is None or source.preprocessed:
        return source
    reader = PreprocessingReader(source.reader, function)
    return dataclasses.replace(source, reader=reader, preprocessed=True)


def preprocess_dataset(
    dataset: tf.data.Dataset, function: Callable | None
) -> tf.data.Dataset:
    """Return a dataset of dicts whose inputs have passed the function."""
    if function is None:
        return dataset
    names = {"inputs", "meta_inputs"} & set(dataset.element_spec)

    def apply(batch: dict) -> dict:
        return {**batch, **{name: function(batch[name]) for name in names}}

    return dataset.map(apply, tf.data.AUTOTUNE)


def preprocess_unlabelled(data: Any, function: Callable | None) -> Any:
    """Return a dataset to predict with inputs that have passed the function."""
    if function is None or not isinstance(data, tf.data.Dataset):
        return data
    if isinstance(data.element_spec, tuple):
        return data.map(lambda *batch: (function(batch[0]), *batch[1:]))
    return data.map(function)
