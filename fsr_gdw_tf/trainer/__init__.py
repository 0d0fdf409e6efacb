"""Training: the step on a batch, the loop over batches, saved networks."""

from fsr_gdw_tf.trainer.trainer import Trainer

__all__ = ["Trainer"]
