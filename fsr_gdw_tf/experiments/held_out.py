"""Score the labels of the test set, too, so that a report has all images."""

from fsr_gdw_tf.classifier import Classifier
from fsr_gdw_tf.data import InputPipeline, Splits
from fsr_gdw_tf.distribution.hosts import is_chief
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.held_out import with_held_out
from fsr_gdw_tf.label_quality.label_records import (
    FILE_NAME,
    read_records,
    write_records,
)


def score_held_out(
    folder: RunFolder,
    splits: Splits,
    classifier: Classifier,
    pipeline: InputPipeline,
) -> None:
    """Add the test set to the label records of a run, if the data say so."""
    if not (splits.score_test and classifier.training_dynamics):
        return
    # All hosts predict together.
    probs = classifier.predict_probs(splits.test, pipeline=pipeline)
    # Without records, which somebody removed, the run is complete as well.
    if is_chief() and (folder / FILE_NAME).is_file():
        records = read_records(folder / FILE_NAME)
        records = with_held_out(records, splits.test, probs)
        write_records(folder / FILE_NAME, records)
