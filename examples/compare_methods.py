# %% [markdown]
# # Compare methods, and draw the papers' figures
#
# A comparison trains several methods on the same data and writes one table. The
# runs keep what the figures of the papers show. Everything here is a command;
# in a shell, leave `run(...)` away.

# %%
import csv
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt

EPOCHS = 20
FOLDER = Path("runs/examples/comparison")


def run(command):
    """Run a command of this package; return what it prints."""
    words = shlex.split(command)
    words[0] = sys.executable
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    return ended.stdout


# %% [markdown]
# ## Train
#
# `COMPARE` takes names of `gin/methods/`; `--mode=list` prints them all. A
# second call only prints the table, or resumes what was interrupted.

# %%
_ = run(
    "python -m fsr_gdw_tf.main --gin_file=gin/digits.gin --mode=compare "
    f"--gin_param=EPOCHS={EPOCHS} "
    "--gin_param=\"COMPARE=['supervised', 'fsr_raw', 'gdw_clean']\" "
    f"--run_dir={FOLDER}"
)
with (FOLDER / "comparison.csv").open() as file:
    for row in csv.DictReader(file):
        accuracy = float(row["test_accuracy_last5"])
        time = float(row["step_time_ratio"])
        print(f"{row['method']:12} accuracy {accuracy:.3f}, time {time:.2f}")

# %% [markdown]
# ## Draw
#
# Figures that these runs do not support are named, with what they need.

# %%
print(run(f"python -m fsr_gdw_tf.figures {FOLDER}"))

# %% [markdown]
# FSR's Figure 6: nearly all labels of its dictionary are right (purity), and it
# gives about as many examples the weight zero as there are wrong labels.

# %%
for picture in sorted((FOLDER / "figures").glob("*fig6*.png")):
    figure, axis = plt.subplots(figsize=(8, 5))
    axis.imshow(plt.imread(picture))
    axis.axis("off")
