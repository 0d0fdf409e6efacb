"""Run the examples and write them as notebooks with their outputs.

    python examples/make_notebooks.py [NAME ...]

The scripts are the source; edit those. `make examples` calls this.
"""

import os
import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def execute(script: Path) -> None:
    """Run a script as a notebook in the repository's folder; write that."""
    notebook = jupytext.read(script)
    client = NotebookClient(
        notebook,
        timeout=1800,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(FOLDER.parent)}},
    )
    client.execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = str(number)  # random ones would change every time
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if shown(o)]
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
    }
    jupytext.write(notebook, script.with_suffix(".ipynb"))


def shown(output: dict) -> bool:
    """Return whether an output is the example's, not a library's message."""
    warning = output.get("text", "").startswith("WARNING:tensorflow:")
    return output.get("name") != "stderr" and not warning


if __name__ == "__main__":
    scripts = [FOLDER / f"{name}.py" for name in sys.argv[1:]]
    for path in scripts or sorted(FOLDER.glob("*.py")):
        if path != Path(__file__):
            print(path.name, flush=True)
            execute(path)
