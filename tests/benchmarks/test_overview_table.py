"""The README's table of a few methods, and the line of each method."""

import overview_table
import pytest

PANEL = """setting,method,seed,last5,best
digits CNN uniform 40 epochs 60,supervised,0,0.7,0.8
digits CNN uniform 40 epochs 60,supervised,1,0.68,0.8
digits CNN uniform 40 epochs 60,default,0,0.98,0.98
digits CNN uniform 40 epochs 60,oracle,0,0.99,0.99
text none,default,0,0.1,0.1
"""
ACCURACY = """setting,method,seed,last5,best,commit,threads
uniform 40 %,supervised,0,0.525,0.55,abc,1
uniform 40 %,gdw_clean,0,0.6,0.61,abc,1
flip 40 %,supervised,0,0.484,0.5,abc,1
flip 40 %,gdw_clean,0,0.579,0.6,abc,1
"""
COST = """network,method,time_ratio
resnet32,supervised,1.0
resnet32,keras,0.99
resnet32,gdw,3.01
resnet32,default,1.47
tiny_cnn,gce,1.02
"""


@pytest.fixture
def folder(tmp_path):
    files = {"panel_validation": PANEL, "accuracy": ACCURACY, "cost": COST}
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_both_accuracies_and_the_cost_of_an_equal_step(folder):
    """(.7 + .68) / 2 is 69.0 per cent; gdw_clean takes the steps of gdw."""
    header, lines, note = overview_table.overview(folder)
    assert len(header) == 5
    found = {line[0]: line[1:] for line in lines}
    assert list(found) == [f"`{name}`" for name in overview_table.METHODS]
    assert found["`supervised`"] == ["none", "69.0", "52.5", "1.00"]
    assert found["`default`"] == ["none", "98.0", "-", "1.47"]
    assert found["`gdw_clean`"] == ["in training", "-", "60.0", "3.01"]
    assert found["`gce`"] == ["none", "-", "-", "-"]
    assert "1 or 2 seeds" in note


def test_the_line_of_a_method_has_plain_training_beside_it(folder):
    text = " ".join(overview_table.facts(folder, "gdw_clean").split())
    assert text == (
        "*Clean images:* in training. *Time of a step:* 3.01. *CIFAR-10 (plain "
        "training):* uniform 40 % 60.0 (52.5), flip 40 % 57.9 (48.4)."
    )
    text = overview_table.facts(folder, "gce")
    assert text == "*Clean images:* none. *Time of a step:* not measured.\n"
    assert "CIFAR-10" not in overview_table.facts(folder, "supervised")
