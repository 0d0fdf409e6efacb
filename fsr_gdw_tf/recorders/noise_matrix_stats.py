"""The noise matrix that forward correction and GLC estimate."""

import numpy as np

from fsr_gdw_tf.data.corruption import realised_matrix
from fsr_gdw_tf.methods.forward_correction import ForwardCorrection
from fsr_gdw_tf.recorders.recorder import Recorder


class NoiseMatrixStats(Recorder):
    """The estimated matrix, and its mean error if true labels are known."""

    @classmethod
    def applies_to(cls, method) -> bool:
        return isinstance(method, ForwardCorrection)

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        matrix = classifier.method.matrix
        if source.true_labels is None or matrix is None:
            return {}
        counts = realised_matrix(source)
        truth = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        error = np.abs(np.array(matrix) - truth).mean()
        return {"noise_matrix_error": float(error)}

    def csv_tables(self, classifier, source) -> dict[str, list[dict]]:
        names = [f"{k}: {name}" for k, name in enumerate(source.class_names)]
        rows = np.array(classifier.method.matrix).round(4)
        return {
            "estimated_noise.csv": [
                {"true class": name, **dict(zip(names, row, strict=True))}
                for name, row in zip(names, rows, strict=True)
            ]
        }
