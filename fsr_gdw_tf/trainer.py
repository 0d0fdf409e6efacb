"""fit, evaluate and predict: from what a user passes to steps on replicas."""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.callbacks.dictionary import RefreshDictionary
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.data import data_adapter
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution import input_shards, step_loop


class Trainer(keras.Model):
    """What `Classifier` does around its steps; Keras' loop, on any data."""

    length_known = True  # whether the data end only where they are said to

    @property
    def replicas(self) -> int:
        """How many replicas train together."""
        return self.distribute_strategy.num_replicas_in_sync

    def make_train_function(self, force=False) -> None:
        """What Keras calls per execution: its steps, then the metrics."""
        if self.train_function is None or force:
            self.train_function = step_loop.make_step_loop(
                self,
                self.train_step,
                lambda: step_loop.steps_of_execution(self),
                lambda: self.eval_metrics[:2],
            )

    def make_test_function(self, force=False) -> None:
        """One step, and metrics over all replicas."""
        if self.test_function is None or force:
            self.test_function = step_loop.make_step_loop(
                self, self.test_step, lambda: 1, lambda: self.eval_metrics
            )

    def fit(self, x=None, y=None, batch_size=None, epochs=1, **kwargs):
        """Train on arrays, on a `Source`, or on a tf.data dataset.

        Beyond Keras' arguments: `batches`, how a source becomes batches (and
        `validation_batches`, how tests do); `seed`, for arrays; `meta`, a
        clean set for methods that learn from one (a source or a pair of
        arrays); `meta_in_training=True` adds it to what is trained on, which
        is worth having; `initial_step`, where the first epoch goes on.
        """
        x, y = data_adapter.hold_out_tail(x, y, kwargs)
        x = data_adapter.as_source(x, y, self.classes)
        x, meta = data_adapter.clean_set(x, self.method, self.classes, kwargs)
        pipeline = self._pipeline_for(x, batch_size, kwargs)
        held = kwargs.pop("validation_data", None)
        own = kwargs.pop("validation_batches", pipeline)
        if held is not None:
            held, steps = self._test_data(
                held, own.with_global_sizes(self.replicas)
            )
            kwargs.setdefault("validation_steps", steps)
        source = x if isinstance(x, Source) else None
        self.setup(source, pipeline)
        own = self._own_callbacks(source, meta, kwargs.get("initial_epoch", 0))
        kwargs["callbacks"] = [*own, *(kwargs.get("callbacks") or ())]
        x = self._train_data(x, pipeline, epochs, meta, kwargs)
        kwargs["shuffle"] = False  # done, by (seed, epoch, index)
        return super().fit(x, epochs=epochs, validation_data=held, **kwargs)

    def _train_data(self, x, pipeline, epochs, meta, kwargs):
        """Batches for all replicas; sets where training stands."""
        start = kwargs.get("initial_epoch", 0)
        step = kwargs.pop("initial_step", 0)
        if isinstance(x, Source):
            data_adapter.require_meta(self.method, meta is not None)
            kwargs["steps_per_epoch"] = pipeline.steps(x)
            meta = meta if self.method.meta_in_batches else None

            def make(share):
                return self._checked(
                    pipeline.train(x, epochs, start, meta, step, share)
                )
        else:
            data_adapter.require_start(step)
            whole = self._checked(x)
            data_adapter.require_meta(
                self.method, "meta_inputs" in whole.element_spec
            )

            def make(share):
                return input_shards.split_batches(whole, share)

        steps = kwargs.get("steps_per_epoch")
        if steps is None and self.replicas == 1:
            steps = int(x.cardinality())
        self.step.assign(step)
        self.steps.assign(max(steps or 0, 0))
        self.length_known = bool(self.steps > 0)
        return input_shards.distribute_dataset(self.distribute_strategy, make)

    def _checked(self, dataset) -> tf.data.Dataset:
        shape = self.features.inputs[0].shape
        return data_adapter.checked(dataset, shape, self.classes)

    def _own_callbacks(self, source, clean, first_epoch: int) -> list:
        follow, dictionary = (
            MethodProgress(source, clean),
            self.method.dictionary,
        )
        if dictionary is None:
            return [follow]
        return [RefreshDictionary(dictionary, source, first_epoch), follow]

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Loss and metrics on arrays, on a `Source`, or on a dataset."""
        # What Keras has cached in `fit` counts in executions, tests in steps.
        if not kwargs.pop("_use_cached_eval_dataset", False):
            x = data_adapter.as_source(x, y, self.classes)
            pipeline = self._pipeline_for(x, batch_size, kwargs)
            x, steps = self._test_data(x, pipeline)
            kwargs.setdefault("steps", steps)
        before = self.steps_per_execution, self.length_known
        self.steps_per_execution = 1
        self.length_known = kwargs.get("steps") is not None
        try:
            return super().evaluate(x, **kwargs)
        finally:
            self.steps_per_execution, self.length_known = before

    def predict(self, x, batch_size=None, **kwargs):
        """Class probabilities of arrays, of a `Source`, or of a dataset."""
        x = data_adapter.unlabelled(x, self.classes)
        if not isinstance(x, Source):
            return super().predict(x, batch_size, **kwargs)
        pipeline = self._pipeline_for(x, batch_size, kwargs)
        data, steps = self._test_data(x, pipeline, rows=True)
        kwargs.setdefault("steps", steps)
        found = super().predict(data, **kwargs)
        # -1 filled the last batch up; hosts answer in an order of their own.
        real = found["row"] >= 0
        return found["probs"][real][np.argsort(found["row"][real])]

    def _pipeline_for(self, x, batch_size, kwargs):
        pipeline = data_adapter.pipeline_for(
            x, batch_size, kwargs, self.replicas
        )
        return pipeline.with_global_sizes(self.replicas)

    def _test_data(self, x, pipeline, rows: bool = False):
        """A dataset for all replicas, and its steps if they are known.

        With `rows` predictions say which rows of `x` they belong to.
        """
        x = data_adapter.as_source(x, None, self.classes)
        if not isinstance(x, Source):
            return self._checked(x), None

        def make(share):
            dataset = self._checked(pipeline.test(x, share))
            if not rows:
                return dataset
            return dataset.map(lambda b: b | {"row": b["index"]})

        # Keras would count a batch for each replica.
        steps = pipeline.test_steps(x, self.replicas)
        return input_shards.distribute_dataset(
            self.distribute_strategy, make
        ), steps
