# %% [markdown]
# # Wrong labels in a folder of images, found and fixed
#
# A folder per class, and some images in the wrong one. Training finds them; no
# clean labels are needed. Then they are fixed, and training is repeated.

# %%
import shutil
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from fsr_gdw_tf import Classifier, from_folder
from fsr_gdw_tf.data import Resize

TRAIN, TEST, WRONG = 1000, 500, 0.2
EPOCHS = 25
FOLDER = Path("runs/examples/photos")

# %% [markdown]
# ## The images
#
# Your own folder goes here: `photos/<class name>/<image>.jpg`. This one is made
# of scikit-learn's digits, and we put a fifth of the training images into a
# wrong folder on purpose. So we know what there is to find.

# %%
images, truth = load_digits(return_X_y=True)
images = (images.reshape(-1, 8, 8) * 15).astype("uint8")
rng = np.random.default_rng(0)
order = rng.permutation(len(images))[: TRAIN + TEST]
shutil.rmtree(FOLDER, ignore_errors=True)
is_wrong = {}
for position, i in enumerate(order):
    split, label = "train", truth[i]
    if position >= TRAIN:
        split = "test"
    elif rng.random() < WRONG:
        label = (label + rng.integers(1, 10)) % 10
    file = FOLDER / split / f"digit {label}" / f"{i}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(images[i]).resize((32, 32)).save(file)
    is_wrong[file.name] = label != truth[i]

train = from_folder(FOLDER / "train", view=Resize(16))
test = from_folder(FOLDER / "test", train.class_names, view=Resize(16))
print(len(train), "images of", train.classes, "classes")

# %% [markdown]
# ## Train
#
# Any Keras classifier does. `Classifier.wrap` gives it the default method.


# %%
def build_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def train_on(data, method=None):
    classifier = Classifier.wrap(build_model(), method)
    classifier.compile("adam")
    classifier.fit(data, epochs=EPOCHS, batch_size=50, verbose=0)
    accuracy = classifier.evaluate(test, verbose=0, return_dict=True)
    print(f"test accuracy: {accuracy['accuracy']:.1%}")
    return classifier


train_on(train, "supervised")  # plain training, to compare with
classifier = train_on(train)

# %% [markdown]
# ## Find
#
# `label_issues()` lists the labels that are probably wrong, the most suspicious
# one first. `pandas.DataFrame(issues)` makes a table of it.

# %%
issues = classifier.label_issues()
hits = sum(is_wrong[Path(issue["name"]).name] for issue in issues)
n_wrong = sum(is_wrong.values())
print(f"{len(issues)} labels listed, {hits} of them wrong; {n_wrong} are wrong")
for issue in issues[:3]:
    print({name: issue[name] for name in ("given", "suggested", "score")})

# %%
figure, axes = plt.subplots(2, 6, figsize=(9, 3.6))
for axis, issue in zip(axes.flat, issues, strict=False):
    axis.imshow(train.load([issue["index"]])[0])
    axis.set_title(f"{issue['given']}\n→ {issue['suggested']}", fontsize=9)
for axis in axes.flat:
    axis.axis("off")
figure.tight_layout()

# %% [markdown]
# The same as a page with pictures, reasons and confusions, for a browser:

# %%
print(classifier.report("runs/examples/folder"))

# %% [markdown]
# ## Fix, and train again
#
# Here we believe all suggestions. To decide on each label yourself, run
# `python -m fsr_gdw_tf.report runs/examples/folder --review`.

# %%
names = list(train.class_names)
labels = train.labels.copy()
for issue in issues:
    labels[issue["index"]] = names.index(issue["suggested"])
fixed = train.with_labels(labels, None)
_ = train_on(fixed, "supervised")
