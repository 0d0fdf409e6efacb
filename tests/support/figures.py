"""Run folders for the paper figures, and their command."""

import numpy as np
from support.models import blob_source

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.figures import main
from fsr_gdw_tf.paper_figures.run import Run


def third_mislabelled():
    """Return sixty points, a third of whose labels are wrong."""
    source = blob_source(n=60)
    wrong = (source.labels + (np.arange(60) % 9 < 3)) % 3
    return source.with_labels(wrong, source.labels)


def fit_mislabelled(model, **kwargs) -> dict:
    clean = blob_source(n=12, seed=7)
    return model.fit(
        third_mislabelled(),
        meta=clean if model.method.uses_meta else None,
        pipeline=InputPipeline(12, meta_batch_size=6),
        verbose=0,
        **kwargs,
    ).history


def run_with_files(path, metrics: str, **files: str):
    """Write a run folder that holds only these files."""
    path.mkdir(parents=True)
    (path / "metrics.csv").write_text(metrics)
    for name, text in files.items():
        (path / name.replace("_", ".", 1)).write_text(text)
    return Run(path, path.name)


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of the figures command."""
    code = 0
    try:
        main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err
