"""Build the label report of a run folder: the page and its CSV files."""

import shlex
import traceback
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.io.files import (
    one_line_errors,
    read_csv,
    read_json,
    require_inside,
    write_csv,
    write_here,
    write_json,
)
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality import issue_table
from fsr_gdw_tf.label_quality.label_issues import LabelIssues, find_label_issues
from fsr_gdw_tf.label_quality.label_records import LabelRecords, load_records
from fsr_gdw_tf.label_quality.reasons import Reasons
from fsr_gdw_tf.label_report import embedding
from fsr_gdw_tf.label_report.embedding import Features
from fsr_gdw_tf.label_report.evaluations import (
    accuracy,
    recalls,
    recalls_before,
    run_before,
)
from fsr_gdw_tf.label_report.gallery import Images
from fsr_gdw_tf.label_report.images import of_run, of_source
from fsr_gdw_tf.label_report.page import Content, write_page
from fsr_gdw_tf.label_report.review_sheet import write_sheet
from fsr_gdw_tf.label_report.summary import Summary, summarise

METRIC_TITLES = {
    "auroc": "AUROC of the score",
    "average_precision": "average precision",
    "precision_of_issues": "precision of the labels to check",
    "recall_of_issues": "recall of the labels to check",
}
COPY_COLUMNS = ("group", "label", "path", "split")
CAUTIONS = (
    (
        "noise_estimate_unreliable",
        "the estimated number of wrong labels is unreliable. The network "
        "agrees with nearly all labels: few are wrong, or it has memorised "
        "the wrong ones, or it makes the same mistakes as the annotators. The "
        "ranking may still be good. Train for fewer epochs, with a robust "
        "method such as FSR, or with some clean images",
    ),
    (
        "most_labels_suspected",
        "most labels look wrong, which usually means that the network has "
        "not been trained enough; train for longer",
    ),
)


def build_report(
    folder: RunFolder,
    source: Source | None = None,
    reload: Callable[[], Source] | None = None,
    images_folder: str | None = None,
    features: Features | None = None,
) -> Path:
    """Write the report of a run; return the path of its page.

    source: the data that the run was trained on, if they are in memory.
    reload: otherwise reads them again, unless they are image files.
    images_folder: where the image files are now, if they were moved.
    features: returns what the trained network makes of examples, for their
        map; without it, the map is that of the last call, if there is one.
    """
    records, issues, summary = _load(folder)
    report = require_inside(folder.path, folder / "report")
    write_tables(report, records, issues, summary)
    if features is not None:
        path = require_inside(folder.path, folder / embedding.FILE_NAME)
        n_train = len(records) - int(records.held_out.sum())
        places = embedding.embed(issues, features, n_train)
        embedding.write_embedding(path, places)
    # After the tables, because image files may be missing.
    if source is None:
        images = of_run(records, reload, images_folder)
    else:
        images = of_source(source)
    content = _page_content(folder, records, issues, summary, images)
    write_page(report / "index.html", content)
    return report / "index.html"


def page_content(
    folder: RunFolder,
    reload: Callable[[], Source],
    images_folder: str | None = None,
) -> Content:
    """Return what the page of a finished run shows, see `build_report`."""
    records, issues, summary = _load(folder)
    images = of_run(records, reload, images_folder)
    return _page_content(folder, records, issues, summary, images)


def print_page(folder: RunFolder) -> None:
    """Print where the page is, and how to decide on the labels."""
    run = shlex.quote(str(folder.path))
    page = folder / "report" / "index.html"
    print_on_chief(f"Report: {page.resolve()}")
    print_on_chief(f"To fix labels: python -m fsr_gdw_tf.report {run} --review")


def _load(folder: RunFolder) -> tuple[LabelRecords, LabelIssues, Summary]:
    """Return the records of a run, its label issues, and their summary."""
    records = load_records(folder)
    issues = find_label_issues(records)
    measured = recalls(folder), recalls_before(folder)
    return records, issues, summarise(records, issues, *measured)


def write_tables(
    report: Path, records: LabelRecords, issues: LabelIssues, summary: Summary
) -> None:
    """Write report.json and the CSV files beside the page."""
    names = records.class_names
    classes = issue_table.round_floats(summary.classes)
    write_json(report / "report.json", summary.totals)
    write_csv(report / "class_summary.csv", classes)
    issue_table.write_noise_matrix(
        report / "noise_matrix.csv", names, summary.matrix
    )
    issue_table.write_issues(report / "label_issues.csv", records, issues)
    if records.true is None:
        write_sheet(report / "verify_me.csv", records, issues)


def try_to_build_report(
    folder: RunFolder,
    source: Source | None = None,
    reload: Callable[[], Source] | None = None,
    features: Features | None = None,
) -> None:
    """Write the report after training; print why if that fails.

    The run is complete by then: an error here must not make it fail.
    """
    try:
        build_report(folder, source, reload, features=features)
    except InvalidInput as error:
        print_on_chief(f"no label report: {error}")
    except Exception:
        failed = folder / "report" / "FAILED"
        write_here(failed, traceback.format_exc())
        print_on_chief(f"no label report; the error is in {failed}")


def report_title(folder: RunFolder) -> str:
    """Return the run's name, preceded by that of its comparison, if any."""
    path = folder.path.resolve()
    in_comparison = (path.parent / "config.gin").is_file()
    return f"{path.parent.name}/{path.name}" if in_comparison else path.name


def _page_content(
    folder: RunFolder,
    records: LabelRecords,
    issues: LabelIssues,
    summary: Summary,
    images: Images,
) -> Content:
    """Return all that the page shows."""
    return Content(
        title=report_title(folder),
        run_dir=folder.path,
        facts=[
            *_run_facts(folder, records, summary.totals),
            *_label_facts(records, summary.totals),
        ],
        records=records,
        issues=issues,
        metrics=folder.metrics(),
        classes=summary.classes,
        matrix=summary.matrix,
        reasons=Reasons(records),
        images=images,
        embedding=embedding.read_embedding(
            folder / embedding.FILE_NAME, len(records)
        ),
        conflicts=_conflicts(folder),
    )


def _run_facts(
    folder: RunFolder, records: LabelRecords, totals: dict
) -> list[tuple[str, str]]:
    """Return the data, method and test accuracy for the page's header."""
    run = read_json(folder / "run.json")
    with one_line_errors(folder / "run.json"):
        data = run.get("data", {}).get("name", "?")
    info = records.training_info
    method = " + ".join([info["method"], *info["regularisers"]])
    facts = [
        ("data", data),
        ("examples", f"{totals['examples']:,}"),
        *_held_out_fact(records),
        ("classes", f"{totals['classes']:,}"),
        ("method", method),
        ("epochs", f"{info['epochs']}"),
        ("seed", f"{run.get('seed', '?')}"),
    ]
    runs = {"test accuracy": folder, "before cleaning": run_before(folder)}
    for label, of in runs.items():
        value = accuracy(of) if of else None
        if value is not None:
            facts.append((label, f"{value:.1%}"))
    return facts


def _conflicts(folder: RunFolder) -> list[dict]:
    """Return the rows of identical files that have different labels."""
    file = folder / "duplicates.csv"
    labels = defaultdict(set)
    with one_line_errors(file):
        rows = [row for row in read_csv(file) if row["kind"] == "identical"]
        rows = [{k: str(row[k]) for k in COPY_COLUMNS} for row in rows]
    for row in rows:
        labels[row["group"]].add(row["label"])
    return [row for row in rows if len(labels[row["group"]]) > 1]


def _held_out_fact(records: LabelRecords) -> list[tuple[str, str]]:
    """Return how many labels are those of the test set, if there are any."""
    held_out = int(records.held_out.sum())
    return [("of them not trained on", f"{held_out:,}")] if held_out else []


def _label_facts(records: LabelRecords, totals: dict) -> list[tuple[str, str]]:
    """Return the label noise, its metrics and cautions for the header."""
    # The interval is that of sampling alone, as the page says.
    interval = "{noise:.1%} ({noise_low:.1%} to {noise_high:.1%})"
    facts = [
        ("estimated wrong labels", interval.format(**totals)),
        ("labels to check", f"{totals['issues']:,}"),
    ]
    if records.true is not None:
        share = f"{records.wrong.mean():.1%}"
        facts.append(("labels that are wrong", share))
    for name, title in METRIC_TITLES.items():
        if name in totals:
            facts.append((title, f"{totals[name]:.3f}"))
    cautions = [("caution", text) for key, text in CAUTIONS if totals[key]]
    return facts + cautions
