"""ResNets for ImageNet."""

import keras
import numpy as np
import pytest
from support.networks import parameters

from fsr_gdw_tf import InvalidInput, networks


@pytest.mark.parametrize(
    ("build", "count"),
    [
        # The ImageNet versions with 1,000 classes, as published.
        (networks.resnet18, 11_689_512),
        (networks.resnet50, 25_568_360),
    ],
)
def test_imagenet_resnets_have_the_published_sizes(build, count):
    assert parameters(build((224, 224, 3), 1000)) == count


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.cifar_resnet((32, 32, 3), 10, 33), "got 33"),
        (lambda: networks.wide_resnet((32, 32, 3), 10, 27), "got 27"),
        (
            lambda: networks.resnet18((32, 32, 3), 10, "none.weights.h5"),
            "no such weights file: 'none.weights.h5'.*nothing is downloaded",
        ),
    ],
)
def test_networks_that_do_not_exist(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_pretrained_weights_come_from_a_local_file(tmp_path):
    path = str(tmp_path / "body.weights.h5")
    donor, _ = networks.resnet18((32, 32, 3), 4)
    donor.save_weights(path)
    keras.utils.set_random_seed(9)
    features, _ = networks.resnet18((32, 32, 3), 10, path)
    for a, b in zip(donor.weights, features.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    other = str(tmp_path / "other.weights.h5")
    networks.small_cnn((8, 8, 1), 3)[0].save_weights(other)
    with pytest.raises(InvalidInput, match="does not fit the network"):
        networks.resnet18((32, 32, 3), 10, other)
    (tmp_path / "other.weights.h5").write_bytes(b"junk")
    with pytest.raises(InvalidInput, match="does not fit the network"):
        networks.resnet18((32, 32, 3), 10, other)
