"""Write the label report of a run, decide on labels, and act on it.

python -m fsr_gdw_tf.report RUN_DIR
python -m fsr_gdw_tf.report RUN_DIR --review
python -m fsr_gdw_tf.report RUN_DIR --export=label_studio --top=100
python -m fsr_gdw_tf.report RUN_DIR --import=annotations.json
"""

import shlex
from pathlib import Path

from absl import app, flags

from fsr_gdw_tf.command_line import (
    exit_interrupted,
    exit_with_error,
    hide_gpus,
    parse_flags,
    printable,
    without_startup_lines,
)

with without_startup_lines():  # these import TensorFlow
    from fsr_gdw_tf.distribution.hosts import print_on_chief
    from fsr_gdw_tf.errors import InvalidInput
    from fsr_gdw_tf.experiments.experiment import data_of_run
    from fsr_gdw_tf.io.console import print_table
    from fsr_gdw_tf.io.run_folder import RunFolder
    from fsr_gdw_tf.label_exchange.exchange import (
        export_labels,
        import_decisions,
    )
    from fsr_gdw_tf.label_exchange.formats import FORMATS
    from fsr_gdw_tf.label_report.build import build_report, print_page
    from fsr_gdw_tf.label_report.cleaned_labels import (
        ACTIONS,
        KEEP,
        write_cleaned_labels,
    )
    from fsr_gdw_tf.label_report.decisions import FILE_NAME
    from fsr_gdw_tf.label_report.review_sheet import evaluate_sheet
    from fsr_gdw_tf.label_review.review import review

FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "apply",
    None,
    [*ACTIONS, "decisions"],
    "Write a list of the labels to train on, the suspected ones left out, "
    "relabelled, or weighted, or the labels as they were decided on.",
)
flags.DEFINE_enum(
    "undecided",
    KEEP,
    [KEEP, *ACTIONS],
    "What --apply=decisions does to suspected labels without a decision.",
)
flags.DEFINE_string(
    "decisions",
    None,
    "The decisions for --apply: decisions.csv, or a filled-in verify_me.csv; "
    "default RUN_DIR/report/decisions.csv.",
)
flags.DEFINE_float(
    "threshold", 0.9, "Score above which --apply changes a label.", 0.0, 1.0
)
flags.DEFINE_string(
    "out",
    None,
    "File for --apply, default RUN_DIR/report/drop_0.9.csv; or folder for "
    "--export, default RUN_DIR/report/<format>.",
)
flags.DEFINE_string(
    "verified", None, "A filled-in verify_me.csv, or decisions, to evaluate."
)
flags.DEFINE_bool(
    "review", False, "Decide on the labels in a browser on this machine."
)
flags.DEFINE_integer("port", 0, "Port of --review; 0: a free one.", 0, 65535)
flags.DEFINE_bool("no_open", False, "--review starts no browser.")
flags.DEFINE_enum(
    "export",
    None,
    [*FORMATS],
    "Write the suspected labels for another program.",
)
flags.DEFINE_integer(
    "top",
    None,
    "How many labels --export writes, the most suspicious first; default: all "
    "suspected ones.",
    1,
)
flags.DEFINE_string(
    "import",
    None,
    "A file or folder of another program, whose decisions are added to "
    "RUN_DIR/report/decisions.csv.",
)
flags.DEFINE_enum(
    "format", None, [*FORMATS], "The format of --import, if not recognised."
)
flags.DEFINE_enum(
    "unchanged",
    "undecided",
    ["undecided", KEEP],
    "What a label is that --import finds unchanged and unmarked, in formats "
    "that show the label.",
)
flags.DEFINE_string(
    "images", None, "The folder of the image files, if they were moved."
)

ACTS = ("apply", "export", "import", "review", "verified")
NEEDS = {  # flags, and with which other flag they have a meaning
    "decisions": ("apply", "decisions"),
    "undecided": ("apply", "decisions"),
    "top": ("export", ""),
    "format": ("import", ""),
    "unchanged": ("import", ""),
}


def main(argv: list[str]) -> None:
    """Build the report, or apply it, or evaluate a filled-in review sheet."""
    try:
        check_arguments(argv)
        folder = RunFolder(argv[1])
        if FLAGS.verified:
            print_estimate(folder, FLAGS.verified)
        elif FLAGS.apply:
            apply(folder)
        elif FLAGS.review:
            start_review(folder)
        elif FLAGS.export:
            export(folder)
        elif FLAGS["import"].value:
            take_back(folder, FLAGS["import"].value)
        else:
            build(folder)
            print_page(folder)
    except (InvalidInput, OSError) as error:
        exit_with_error(error)
    except KeyboardInterrupt:
        exit_interrupted()


def check_arguments(argv: list[str]) -> None:
    """Raise unless there is one folder, and flags that go together."""
    if len(argv) != 2:
        raise InvalidInput(
            "expected one run folder, such as python -m fsr_gdw_tf.report "
            f"runs/digits, got {' '.join(argv[1:]) or 'none'}"
        )
    acts = [name for name in ACTS if FLAGS[name].value]
    if len(acts) > 1:
        raise InvalidInput(
            f"expected one of --{', --'.join(ACTS)}, got "
            f"{' and '.join(sorted(acts))}; call the command once for each"
        )
    for name, (act, value) in NEEDS.items():
        given, got = FLAGS[name].value, FLAGS[act].value
        if given != FLAGS[name].default and (not got or value not in ("", got)):
            wanted = f"--{act}={value}" if value else f"--{act}"
            raise InvalidInput(
                f"expected {wanted} with --{name}, got --{act}={got}; add it"
            )


def build(folder: RunFolder) -> Path:
    """Write the report; return the path of its page."""
    return build_report(
        folder, reload=lambda: data_of_run(folder), images_folder=FLAGS.images
    )


def start_review(folder: RunFolder) -> None:
    """Serve the report with decisions until Ctrl-C."""
    if not folder.reported:
        build(folder)
    review(
        folder,
        reload=lambda: data_of_run(folder),
        images_folder=FLAGS.images,
        port=FLAGS.port,
        open_browser=not FLAGS.no_open,
    )


def apply(folder: RunFolder) -> None:
    """Write the cleaned list and print how to train on it."""
    action, decisions = FLAGS.apply, None
    if action == "decisions":
        action = FLAGS.undecided
        decisions = FLAGS.decisions or folder / "report" / FILE_NAME
        print_estimate(folder, decisions)
    cleaned = write_cleaned_labels(
        folder, action, FLAGS.threshold, FLAGS.out, FLAGS.images, decisions
    )
    if decisions:
        counts = ", ".join(f"{n:,} {k}" for k, n in cleaned.decided.items())
        print_on_chief(f"{cleaned.path}: {counts}")
    if action != KEEP:
        print_on_chief(
            f"{cleaned.path}: {cleaned.n_changed:,} of {cleaned.n_labels:,} "
            f"labels have a score above {FLAGS.threshold:g} and are "
            f"{ACTIONS[action]}"
        )
    print_on_chief(f"To train on it: --gin_param='CLEANED=\"{cleaned.path}\"'")


def export(folder: RunFolder) -> None:
    """Write labels for another program; print how to take them back."""
    exported = export_labels(
        folder,
        FLAGS.export,
        reload=lambda: data_of_run(folder),
        top=FLAGS.top,
        out=FLAGS.out,
        images_folder=FLAGS.images,
    )
    run = shlex.quote(str(folder.path))
    print_on_chief(f"{exported.path.resolve()}: {exported.n_labels:,} labels")
    print_on_chief(
        "To take decisions back: python -m fsr_gdw_tf.report "
        f"{run} --import=FILE"
    )


def take_back(folder: RunFolder, file: str) -> None:
    """Add decisions of another program; print what they are."""
    found = import_decisions(
        folder, file, FLAGS.format, FLAGS.unchanged == KEEP
    )
    counts = ", ".join(f"{n:,} {k}" for k, n in found.counts.items())
    print_on_chief(f"{found.file}, read as {found.format}: {counts}")
    for lines, said in (
        (found.replaced, "earlier decisions were replaced"),
        (found.disputed, "examples with different answers are left out"),
    ):
        if lines:
            shown = printable(lines[0])
            print_on_chief(f"{len(lines):,} {said}, such as {shown}")
    print_on_chief(f"{found.path}: {found.n_new:,} new decisions")
    run = shlex.quote(str(folder.path))
    print_on_chief(
        "To write the list that follows from them: python -m "
        f"fsr_gdw_tf.report {run} --apply=decisions"
    )


def print_estimate(folder: RunFolder, checked: str | Path) -> None:
    """Print the share of wrong labels among the checked ones."""
    title = "Share of wrong labels among those checked, 95 % intervals"
    print_table(title, evaluate_sheet(folder, checked), ".3g")


if __name__ == "__main__":
    hide_gpus()
    app.run(main, flags_parser=parse_flags)
