"""examples/: the scripts run, and their notebooks are what they print."""

import json
import re
import subprocess
from types import SimpleNamespace

import pytest
import tensorflow as tf
from support.figures import command
from support.paths import ROOT

FOLDER = ROOT / "examples"
SCRIPTS = sorted(
    p.stem for p in FOLDER.glob("*.py") if p.stem != "make_notebooks"
)
# Fewer examples and epochs; each text stands in the script.
TINY = {
    "a_few_clean_images": {
        "EPOCHS = 30": "EPOCHS = 1",
        "x[1200:], truth[1200:], x[:1200], truth[:1200]": (
            "x[1200:], truth[1200:], x[:200], truth[:200]"
        ),
    },
    "compare_methods": {
        "EPOCHS = 20": "EPOCHS = 2",
        "['supervised', 'fsr_raw', 'gdw_clean']": "['supervised', 'fsr_raw']",
        '    "--gin_param=\\"COMPARE': (
            '    "--gin_param=TRAIN_EXAMPLES=120 --gin_param=FSR_WARMUP=1 "\n'
            '    "--gin_param=\\"COMPARE'
        ),
    },
    "wrong_labels_in_a_folder": {
        "= 1000, 500, 0.2": "= 150, 20, 0.2",
        "EPOCHS = 25": "EPOCHS = 1",
    },
    "your_own_keras_model": {
        "EPOCHS = 30": "EPOCHS = 1",
        "x[:1000], x[1000:], y[:1000]": "x[:64], x[1000:], y[:64]",
        "x[:400], x[400:], y[:400]": "x[:64], x[400:], y[:64]",
        "texts[:600], texts[600:], y[:600]": "texts[:64], texts[600:], y[:64]",
    },
}
PRINTED = {
    "a_few_clean_images": r"GDW +\d+\.\d%, of 7, 8, 9: \d+\.\d%\n$",
    "compare_methods": r"fsr_raw +accuracy 0\.\d{3}, time \d",
    "wrong_labels_in_a_folder": r"folder/report/index\.html\ntest accuracy: ",
    "your_own_keras_model": r"(plain +acc.*\ndefault +acc.*look wrong\n){3}",
}


@pytest.fixture
def eagerly():
    """Tracing a step takes longer than the few steps of a test."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs(
    name, tmp_path, monkeypatch, capsys, command_line, eagerly
):
    code = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for text, tiny in TINY[name].items():
        assert text in code, f"{text} is not in {name}.py"
        code = code.replace(text, tiny)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)

    def run(words, **_):
        """In this process, which has imported TensorFlow."""
        figures = words[2].endswith("figures")
        code, out, err = (
            command(capsys, *words[3:]) if figures else command_line(*words[3:])
        )
        assert code == 0, err
        return SimpleNamespace(stdout=out)

    monkeypatch.setattr(subprocess, "run", run)
    exec(compile(code, f"{name}.py", "exec"), {"__name__": "__main__"})
    assert re.search(PRINTED[name], capsys.readouterr().out)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_notebook_is_its_script_with_outputs(name):
    """`make examples` was run after the last change of the script."""
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    parts = re.split(r"^# %%(?: \[markdown\])?\n", script, flags=re.M)[1:]
    markdown = [re.sub(r"^# ?", "", p, flags=re.M).strip() for p in parts]
    for cell, part, text in zip(cells, parts, markdown, strict=True):
        assert cell.strip() in (part.strip(), text)
    outputs = [o for c in notebook["cells"] for o in c.get("outputs", ())]
    assert outputs and all(o["output_type"] != "error" for o in outputs)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_notebook_names_no_machine(name):
    text = (FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work|Users)/|0000 00:00", text)


def test_every_example_is_on_the_page():
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    for name in SCRIPTS:
        assert f'--8<-- "examples/{name}.py"' in page
        assert f"`examples/{name}.ipynb`" in page
        script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        title = re.search(r"^# # (.*)$", script, re.MULTILINE)[1]
        assert f"## {title}\n" in page
    assert '--8<-- "examples/two_hosts.sh"' in page


def test_two_hosts_are_two_workers_on_this_machine():
    ended = subprocess.run(
        [FOLDER / "two_hosts.sh", "--dry-run"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("--gin_file=gin/methods/default.gin") == 2
