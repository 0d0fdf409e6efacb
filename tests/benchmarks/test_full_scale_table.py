"""Our figures beside the papers'."""

import pytest
from full_scale import cells, table

PAPERS = """paper,table,network,setting,method,accuracy,std
GDW,2,ResNet-32,uniform 40 %,supervised,84.38,0.32
GDW,2,ResNet-32,uniform 40 %,gdw,88.14,0.35
GDW,2,ResNet-32,uniform 40 %,mwnet,86.46,0.31
FSR,1,WRN-28-10,uniform 40 %,fsr_official,93.7,0.1
"""
REST = "0.9,80,6.5,NVIDIA,jax 0.11.2,2.21.0,3.15.1,12e4567890"
CELLS = f"""{",".join(table.COLUMNS)}
GDW,uniform 40 %,ResNet-32,gdw,0,0.880,{REST}
GDW,uniform 40 %,ResNet-32,gdw,1,0.874,{REST}
GDW,uniform 40 %,ResNet-32,mwnet,0,0.850,{REST}
GDW,uniform 40 %,ResNet-32,supervised,0,0.840,{REST}
FSR,uniform 40 %,ResNet-32,fsr_official,0,0.9,{REST}
"""


@pytest.fixture
def lines(tmp_path):
    """Return the lines of a table of five cells."""
    (tmp_path / "papers.csv").write_text(PAPERS)
    (tmp_path / table.FILE_NAME).write_text(CELLS)
    header, lines, note = table.reproduced(tmp_path)
    assert {len(line) for line in lines} == {len(header)}
    assert "within 1 percentage point" in note
    return lines


def test_a_line_compares_with_the_paper(lines):
    """.880 and .874: mean 87.7, deviation .6 / sqrt 2; 87.7 - 88.14 = -.44.

    Plain training has 84.0, in the paper 84.38: gains of 3.7 and of 3.76.
    """
    first, second, plain = lines[:3]
    cell = ["GDW", "uniform 40 %", "`gdw`"]
    ours = ["87.70 ± 0.42", "2", "88.14 ± 0.35"]
    gains = ["+3.70", "+3.76"]
    assert first == [*cell, *ours, "-0.44", *gains, "reproduced"]
    ours = ["85.00", "1", "86.46 ± 0.31"]
    assert second[3:] == [*ours, "-1.46", "+1.00", "+2.08", "differs"]
    ours = ["84.00", "1", "84.38 ± 0.32"]
    assert plain[3:] == [*ours, "-0.38", "-", "-", "reproduced"]


def test_cells_without_a_run_or_without_a_figure(lines):
    found = {tuple(line[:3]): line[3:] for line in lines}
    assert len(lines) == len({cell[:3] for cell in cells.all_cells()})
    # The paper's figure is of another network.
    key = "FSR", "uniform 40 %", "`fsr_official`"
    assert found[key] == ["90.00", "1", *"----", "no figure in the paper"]
    key = "GDW", "flip 40 %", "`gdw`"
    assert found[key] == ["-", "0", *"----", "not yet run"]


def test_a_large_deviation_of_the_paper_is_taken_into_account():
    assert table.status(64.0, (62.7, 1.76)) == ["+1.30", "reproduced"]
    assert table.status(64.0, (62.7, 0.3)) == ["+1.30", "differs"]
    assert table.status(64.0, None) == ["-", "no figure in the paper"]
