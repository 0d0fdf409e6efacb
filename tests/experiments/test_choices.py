"""The settings that are chosen for a number of images of some size."""

import pytest

from fsr_gdw_tf.experiments.choices import RULES, DataFacts, choose

# Images, classes, height, width: size, network, batch, epochs, rate, crop.
EXPECTED = {
    (44, 3, 96, 128): (64, "photo_cnn", 8, 60, 0.0063, 0.35),
    (450, 10, 480, 640): (64, "photo_cnn", 32, 60, 0.025, 0.35),
    (4_500, 10, 480, 640): (96, "resnet18", 32, 30, 0.025, 0.08),
    (45_000, 100, 480, 640): (128, "resnet18", 64, 30, 0.05, 0.08),
    (1_000_000, 1000, 480, 640): (128, "resnet18", 128, 30, 0.1, 0.08),
    (45_000, 10, 28, 28): (32, "photo_cnn", 64, 30, 0.05, 0.08),
    (2, 2, 500, 20): (32, "photo_cnn", 2, 60, 0.0016, 0.35),
}
NAMES = ("IMAGE_SIZE", "NETWORK", "BATCH_SIZE", "EPOCHS", "LEARNING_RATE")


@pytest.mark.parametrize("facts", EXPECTED)
def test_choices_by_the_number_of_images(facts):
    chosen = choose(DataFacts(*facts))
    values = [chosen[name].value for name in (*NAMES, "SMALLEST_CROP")]
    assert tuple(values) == EXPECTED[facts]
    assert chosen["FROZEN"].value is False
    assert chosen["FINETUNE_FROM"].value == values[3] * 5 // 6


def test_every_choice_has_a_reason_and_a_rule_of_the_settings():
    chosen = choose(DataFacts(100, 2, 64, 64))
    assert chosen.keys() == RULES.keys()
    assert all(choice.reason for choice in chosen.values())


def test_pretrained_weights_are_used_as_they_were_made():
    """At their size, at a tenth of the rate; of few images the last layer."""
    few, many = (
        choose(DataFacts(n, 5, 480, 640), {"WEIGHTS": "a.weights.h5"})
        for n in (450, 4_500)
    )
    for chosen in (few, many):
        assert chosen["IMAGE_SIZE"].value == 224
        assert chosen["NETWORK"].value == "resnet18"
    assert (few["FROZEN"].value, many["FROZEN"].value) == (True, False)
    assert few["LEARNING_RATE"].value == 0.025
    assert many["LEARNING_RATE"].value == 0.0025


def test_what_the_user_sets_is_kept_and_the_rest_follows_it():
    facts = DataFacts(450, 5, 480, 640)
    fixed = {"BATCH_SIZE": 16, "EPOCHS": 12, "NETWORK": "MobileNetV2"}
    chosen = choose(facts, fixed)
    for name, value in fixed.items():
        assert chosen[name].value == value
    # 0.1 x 16 / 128, and five sixths of 12.
    assert chosen["LEARNING_RATE"].value == 0.013
    assert chosen["FINETUNE_FROM"].value == 10
    assert choose(facts, {"BATCH_SIZE": 450})["EPOCHS"].value == 60


@pytest.mark.parametrize("images", [1, 2, 3, 7, 10, 39, 161, 10**7])
def test_a_batch_is_never_larger_than_the_data(images):
    chosen = choose(DataFacts(images, 2, 1, 1))
    assert 1 <= chosen["BATCH_SIZE"].value <= images
    assert chosen["IMAGE_SIZE"].value == 32
    assert chosen["EPOCHS"].value >= 30
