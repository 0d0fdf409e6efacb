"""Recorders of training statistics, one file each."""

from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.method import Method
from fsr_gdw_tf.recorders.class_weight_stats import ClassWeightStats
from fsr_gdw_tf.recorders.learned_label_stats import LearnedLabelStats
from fsr_gdw_tf.recorders.noise_matrix_stats import NoiseMatrixStats
from fsr_gdw_tf.recorders.recorder import Recorder
from fsr_gdw_tf.recorders.training_dynamics import TrainingDynamics
from fsr_gdw_tf.recorders.virtual_step_stats import VirtualStepStats
from fsr_gdw_tf.recorders.weight_stats import WeightStats

RECORDERS = [
    WeightStats,
    ClassWeightStats,
    VirtualStepStats,
    LearnedLabelStats,
    NoiseMatrixStats,
]

__all__ = ["RECORDERS", "Recorder", "TrainingDynamics", "recorders_for"]


def recorders_for(
    method: Method, track_labels: TrainingDynamics | bool
) -> list[Recorder]:
    """Return new recorders for a method, those that apply to it.

    track_labels: a `TrainingDynamics`, True for one with its defaults, False
        for none.
    """
    if not isinstance(track_labels, (bool, TrainingDynamics)):
        raise InvalidInput(
            "track_labels must be True, False or TrainingDynamics(...), got "
            f"{track_labels!r}"
        )
    recorders = [cls() for cls in RECORDERS if cls.applies_to(method)]
    if track_labels is True:
        track_labels = TrainingDynamics()
    return [*recorders, track_labels] if track_labels else recorders
