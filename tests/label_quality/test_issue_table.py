"""The table of label issues."""

import numpy as np
from support.label_records import issues_of, records

from fsr_gdw_tf.io.files import read_csv
from fsr_gdw_tf.label_quality import issue_table


def test_the_list_has_all_examples_the_worst_first(tmp_path):
    s = records([0, 1, 1], np.eye(2)[[0, 0, 1]], [0, 0, 1])
    issues = issues_of([0.2, 0.75, 0.1], s.given, [0, 0, 1])
    issue_table.write_issues(tmp_path / "label_issues.csv", s, issues)
    rows = read_csv(tmp_path / "label_issues.csv")
    assert [row["index"] for row in rows] == [1, 0, 2]
    first = dict(rows[0])
    assert first.pop("reasons").startswith("model predicts class 0 (1.00)")
    assert first == {
        "index": 1,
        "name": "images/1.jpg",
        "given": "class 1",
        "suggested": "class 0",
        "score": 0.75,
        "rank_in_class": 1,
        "is_label_issue": "true",
        "label_score": 0.25,
        "given_label": 1,
        "predicted_label": 0,
        "true": "class 0",
    }
