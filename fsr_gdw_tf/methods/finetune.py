"""Fine-tuning: plain training, then the clean meta set alone.

The row "Fine-tuning" of GDW's tables, for which there is no code. Deviation:
the second phase continues with the schedule's learning rate at that point.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.method import Method, warmup_done


@gin.register
class FineTune(Method):
    """Plain training, on batches of meta examples after `start` epochs."""

    uses_meta = True

    def __init__(self, start: int, **kwargs):
        super().__init__(warmup=start, **kwargs)

    def prepare(self, classifier, batch):
        # The batch size does not change, so meta examples may repeat.
        tuning = warmup_done(classifier, self.warmup)
        size, m = tf.shape(batch["label"])[0], tf.shape(batch["meta_label"])[0]
        index = tf.range(size) % m

        def replace(meta: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
            meta = tf.cast(tf.gather(meta, index), own.dtype)
            return tf.where(tuning, meta, own)

        replaced = {
            name: tf.nest.map_structure(
                replace, batch[f"meta_{name}"], batch[name]
            )
            for name in ("inputs", "label")
        }
        if "weight" in batch:
            replaced["weight"] = tf.where(tuning, 1.0, batch["weight"])
        # `index` is still that of the training examples: do not record these.
        return {**batch, **replaced, "recordable": ~tuning}
