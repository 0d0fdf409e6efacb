"""ResNets for CIFAR."""

import pytest
from support.networks import parameters

from fsr_gdw_tf import networks


@pytest.mark.parametrize(("classes", "count"), [(10, 464154), (100, 470004)])
def test_resnet32_has_the_parameters_of_gdws(classes, count):
    features, head = networks.resnet32((32, 32, 3), classes)
    assert parameters((features, head)) == count
    tensors = len(features.trainable_variables) + len(head.trainable_variables)
    assert tensors == 95
