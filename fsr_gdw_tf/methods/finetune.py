"""Fine-tuning: plain training, then the clean meta set alone.

The row "Fine-tuning" of GDW's tables, for which there is no code. Deviation:
the second phase goes on with the schedule's rate at that point.
"""

import gin
import tensorflow as tf

from fsr_gdw_tf.method import Method, warmup_done


@gin.register
class FineTune(Method):
    """After `start` epochs each batch is made of meta examples."""

    uses_meta = True

    def __init__(self, start: int, **kwargs):
        super().__init__(warmup=start, **kwargs)

    def prepare(self, classifier, batch):
        # The size of the batch stays, so meta examples may repeat.
        tuning = warmup_done(classifier, self.warmup)
        size, m = tf.shape(batch["label"])[0], tf.shape(batch["meta_label"])[0]
        turn = tf.range(size) % m
        swapped = {
            name: tf.where(
                tuning,
                tf.cast(
                    tf.gather(batch[f"meta_{name}"], turn), batch[name].dtype
                ),
                batch[name],
            )
            for name in ("inputs", "label")
        }
        if "weight" in batch:
            swapped["weight"] = tf.where(tuning, 1.0, batch["weight"])
        # Recorders must not take the meta inputs for those of the examples.
        return {**batch, **swapped, "recordable": ~tuning}
