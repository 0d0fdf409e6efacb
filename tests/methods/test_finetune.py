"""Fine-tuning on clean examples."""

from support.models import blobs, classifier

from fsr_gdw_tf.methods import FineTune


def test_fine_tuning_sees_only_clean_examples_from_its_epoch_on():
    """All training labels are wrong, so only the meta set teaches the truth."""
    x, y = blobs(n=60)
    model = classifier(FineTune(start=5))
    model.fit(
        x,
        (y + 1) % 3,
        meta=blobs(n=12, seed=7),
        epochs=15,
        batch_size=20,
        verbose=0,
    )
    measured = model.evaluate(x, y, verbose=0, return_dict=True)
    assert measured["accuracy"] > 0.95
