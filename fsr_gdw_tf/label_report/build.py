"""From a run folder to its report: the page, and the lists beside it."""

import json
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.io.files import write_csv, write_here, write_json
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality import issue_table
from fsr_gdw_tf.label_quality.label_issues import LabelIssues, find_label_issues
from fsr_gdw_tf.label_quality.label_records import (
    FILE_NAME,
    LabelRecords,
    read_records,
)
from fsr_gdw_tf.label_quality.reasons import Reasons
from fsr_gdw_tf.label_report import images, review_sheet, summary
from fsr_gdw_tf.label_report.page import Content, write_page

CAUTIONS = (
    (
        "noise_estimate_unreliable",
        "hardly any label looks wrong to this network: hardly any is, or it "
        "has learned wrong ones by heart, or it makes the same confusions as "
        "whoever gave the labels. It can rank labels, but do not trust the "
        "number of wrong ones; train for fewer epochs, with a method such as "
        "FSR, or with some clean images",
    ),
    (
        "most_labels_suspected",
        "most labels look wrong, which more often means that the network has "
        "learned too little; train for longer",
    ),
)


def load_records(folder: RunFolder) -> LabelRecords:
    """The statistics of a run, or what is wrong with its folder."""
    if (folder / FILE_NAME).is_file():
        return read_records(folder / FILE_NAME)
    if not (folder / "config.gin").is_file():
        raise InvalidInput(
            f"{folder.path} is no run folder; pass the --run_dir of a training "
            "run"
        )
    runs = sorted(
        path.parent.name for path in folder.path.glob(f"*/{FILE_NAME}")
    )
    if runs:
        raise InvalidInput(
            f"{folder.path} holds a comparison, pass one of its runs, such as "
            f"{folder / runs[0]}: {suggest_names('', runs)}"
        )
    raise InvalidInput(
        f"{folder.path} has no {FILE_NAME}: the run has not ended its first "
        "epoch, or had TRACK_LABELS=False; train again"
    )


def build_report(
    folder: RunFolder,
    source: Source | None = None,
    reload: Callable[[], Source] | None = None,
    moved: str | None = None,
) -> Path:
    """Write the report of a run; where its page is.

    source: what the run was trained on, where that is at hand.
    reload: otherwise reads it again, unless it is a set of files.
    moved: the folder that holds these files now.
    """
    records = load_records(folder)
    issues = find_label_issues(records)
    measured = _read(folder / "evaluation.json")
    recalls = measured.get("per_class_accuracy")
    classes = summary.class_summary(records, issues, recalls)
    matrix = summary.noise_matrix(records, issues)
    numbers = summary.overall_summary(records, issues)
    report = folder / "report"
    write_json(report / "report.json", numbers)
    write_lists(report, records, issues, classes, matrix)
    # Last, as images may be missing.
    if source is None:
        shown = images.of_run(records, reload, moved)
    else:
        shown = images.of_source(source)
    content = Content(
        title=title(folder),
        facts=facts(folder, records, numbers, measured),
        records=records,
        issues=issues,
        metrics=folder.metrics(),
        classes=classes,
        matrix=matrix,
        reasons=Reasons(records),
        images=shown,
    )
    write_page(report / "index.html", content)
    return report / "index.html"


def write_lists(
    report: Path,
    records: LabelRecords,
    issues: LabelIssues,
    classes: list[dict],
    matrix: np.ndarray,
) -> None:
    """What lies beside the page."""
    names = records.class_names
    write_csv(report / "class_summary.csv", issue_table.round_floats(classes))
    issue_table.write_noise_matrix(report / "noise_matrix.csv", names, matrix)
    issue_table.write_issues(report / "label_issues.csv", records, issues)
    if records.true is None:
        review_sheet.write_sheet(report / "verify_me.csv", records, issues)


def try_to_build_report(
    folder: RunFolder,
    source: Source | None = None,
    reload: Callable[[], Source] | None = None,
) -> None:
    """The same at the end of training, which no report may bring to a fall."""
    try:
        build_report(folder, source, reload)
    except InvalidInput as error:
        print_on_chief(f"no label report: {error}")
    except Exception:
        failed = folder / "report" / "FAILED"
        write_here(failed, traceback.format_exc())
        print_on_chief(f"no label report; {failed} says why")


def _read(path: Path) -> dict:
    return json.loads(path.read_text()) if path.is_file() else {}


def title(folder: RunFolder) -> str:
    """The name of a run; of a comparison's run with that of all of them."""
    path = folder.path.resolve()
    whole = (path.parent / "config.gin").is_file()
    return f"{path.parent.name}/{path.name}" if whole else path.name


def facts(
    folder: RunFolder, records: LabelRecords, numbers: dict, measured: dict
) -> list[tuple[str, str]]:
    """What stands at the top of the page."""
    run, about = _read(folder / "run.json"), records.training_info
    method = " + ".join([about["method"], *about["regularisers"]])
    told = [
        ("data", run.get("data", {}).get("name", "?")),
        ("examples", f"{numbers['examples']:,}"),
        ("classes", f"{numbers['classes']:,}"),
        ("method", method),
        ("epochs", f"{about['epochs']}"),
        ("seed", f"{run.get('seed', '?')}"),
    ]
    if "accuracy" in measured:
        told.append(("test accuracy", f"{measured['accuracy']:.1%}"))
    # The interval of chance in so many examples; the page says so.
    span = "{noise:.1%} ({noise_low:.1%} to {noise_high:.1%})"
    told.append(("estimated wrong labels", span.format(**numbers)))
    told.append(("labels to check", f"{numbers['issues']:,}"))
    if records.true is not None:
        wrong = records.wrong.mean()
        told.append(("labels known to be wrong", f"{wrong:.1%}"))
    for name, title in (
        ("auroc", "AUROC of the score"),
        ("average_precision", "average precision"),
        ("precision_of_issues", "precision of the labels to check"),
        ("recall_of_issues", "wrong labels that are among them"),
    ):
        if name in numbers:
            told.append((title, f"{numbers[name]:.3f}"))
    told += [("caution", text) for key, text in CAUTIONS if numbers[key]]
    return told
