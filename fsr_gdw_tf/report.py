"""python -m fsr_gdw_tf.report RUN_DIR"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from fsr_gdw_tf.command_line import exit_with_error, parse_flags
from fsr_gdw_tf.distribution.hosts import print_on_chief
from fsr_gdw_tf.errors import InvalidInput
from fsr_gdw_tf.experiments.experiment import data_of_run
from fsr_gdw_tf.io.console import print_table
from fsr_gdw_tf.io.files import write_csv
from fsr_gdw_tf.io.run_folder import RunFolder
from fsr_gdw_tf.label_quality.issue_table import write_table
from fsr_gdw_tf.label_quality.label_issues import find_label_issues
from fsr_gdw_tf.label_report import review_sheet
from fsr_gdw_tf.label_report.build import build_report, load_records
from fsr_gdw_tf.label_report.cleaned_labels import ACTIONS, cleaned_labels
from fsr_gdw_tf.label_report.images import image_paths

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "apply", None, list(ACTIONS), "Write a cleaned list of the labels."
)
flags.DEFINE_float(
    "threshold", 0.9, "Labels are changed above this score.", 0.0, 1.0
)
flags.DEFINE_string("out", None, "Of --apply: RUN_DIR/report/drop_0.9.csv.")
flags.DEFINE_string("verified", None, "verify_me.csv, filled in.")
flags.DEFINE_string("images", None, "Where the images are now, if they moved.")


def main(argv: list[str]) -> None:
    """Make the report of a run, or use what is in it."""
    try:
        if len(argv) != 2:
            raise InvalidInput(
                "expected one run folder: python -m fsr_gdw_tf.report "
                f"runs/digits, got {' '.join(argv[1:]) or 'none'}"
            )
        if FLAGS.apply and FLAGS.verified:
            raise InvalidInput(
                "--apply and --verified are two things; one a call"
            )
        folder = RunFolder(argv[1])
        if FLAGS.verified:
            check(folder, FLAGS.verified)
        elif FLAGS.apply:
            clean(folder)
        else:
            page = build_report(
                folder,
                reload=lambda: data_of_run(folder),
                images_folder=FLAGS.images,
            )
            print_on_chief(f"Report: {page.resolve()}")
    except (InvalidInput, OSError) as error:
        exit_with_error(error)


def check(folder: RunFolder, sheet: str) -> None:
    """What a filled-in sheet says of the report."""
    records = load_records(folder)
    issues = find_label_issues(records)
    answers = review_sheet.read_sheet(sheet, records)
    rows = review_sheet.estimate_noise(issues, *answers)
    write_csv(folder / "report" / "verified.csv", rows)
    print_table("Wrong labels among those checked; 95 % intervals", rows, ".3g")


def clean(folder: RunFolder) -> None:
    """Write the list that is to be trained on instead."""
    records = load_records(folder)
    issues, paths = (
        find_label_issues(records),
        image_paths(records, FLAGS.images),
    )
    action, above = FLAGS.apply, FLAGS.threshold
    out = Path(FLAGS.out or folder / "report" / f"{action}_{above:g}.csv")
    write_table(out, cleaned_labels(records, issues, action, above, paths))
    changed = int((issues.score > above).sum())
    print_on_chief(
        f"{changed:,} of {len(records):,} labels with a score above "
        f"{above:g} are {ACTIONS[action]} in {out}"
    )
    print_on_chief(f"train on it: --gin_param='CLEANED=\"{out}\"'")


if __name__ == "__main__":
    # A run that still trains keeps its GPUs to itself.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    app.run(main, flags_parser=parse_flags)
