"""What an experiment builds from its settings."""

import keras
import numpy as np

from fsr_gdw_tf.experiments import gin_config
from fsr_gdw_tf.experiments.experiment import Experiment
from fsr_gdw_tf.networks.split import batch_norm_layers


def test_precision_and_normalisation_reach_the_network(tmp_path):
    """Features in half precision, logits and weights not."""
    params = ["PRECISION='mixed_bfloat16'", "SYNC_BATCH_NORM=True"]
    gin_config.parse(["gin/digits.gin", "gin/methods/gdw.gin"], params)
    splits, classifier = gin_config.instantiate(Experiment).prepare()
    images = splits.train.load([0, 1])
    features = classifier.features(images)
    assert features.dtype == "bfloat16"
    assert classifier(images).dtype == "float32"
    net = classifier.method.weight_net.net
    for v in [*classifier.network_variables, *net.variables]:
        assert v.dtype == "float32"
    assert net(np.zeros((1, 1), "float32")).dtype == "float32"
    layers = batch_norm_layers(classifier.features)
    assert layers and all(layer.synchronized for layer in layers)
    assert keras.config.dtype_policy().name == "float32", "and is put back"
