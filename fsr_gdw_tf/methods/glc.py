"""GLC: forward correction with a noise matrix estimated on a clean set.

Hendrycks et al., "Using Trusted Data to Train Deep Networks on Labels
Corrupted by Severe Noise", https://arxiv.org/abs/1802.05300, Algorithm 1.
Clean examples in the training set (META_IN_TRAINING) have the plain loss, as in
the paper; of a mixed example the larger part decides. Deviation: both networks
share the epochs of one run, see `ForwardCorrection`.
"""

import gin
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.example_state import retrace_if_changed
from fsr_gdw_tf.methods.forward_correction import ForwardCorrection


@gin.register
class GLC(ForwardCorrection):
    """Forward correction, T_ij = mean probability of j over clean class i."""

    uses_meta = True
    meta_in_batches = False

    def __init__(self, warmup: float = 0.5, restart: bool = True, **kwargs):
        super().__init__(None, warmup, restart, 1.0, **kwargs)
        self.first_clean = None

    def setup(self, classifier, source, pipeline) -> None:
        super().setup(classifier, source, pipeline)
        # The clean examples are the last ones of the training set.
        first = len(source) - source.n_clean
        self.first_clean = retrace_if_changed(
            classifier, self.first_clean, first
        )

    def estimate(self, classifier, source, clean) -> np.ndarray:
        # Eq. 2; a class without clean examples is assumed to have no noise.
        probs = classifier.predict_probs(clean, pipeline=self.pipeline)
        matrix = np.eye(classifier.classes, dtype=probs.dtype)
        for k in np.unique(clean.labels):
            matrix[k] = probs[clean.labels == k].mean(axis=0)
        return matrix

    def objective(self, batch, logits, omega) -> tf.Tensor:
        # Plain cross-entropy where the label is known to be right.
        corrected = super().objective(batch, logits, omega)
        plain = losses.cross_entropy(batch["label"], logits)
        clean = batch["index"] >= self.first_clean
        return tf.where(clean, plain, corrected)
