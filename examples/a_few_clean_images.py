# %% [markdown]
# # A few clean images, where no other method can help
#
# Whoever labelled these digits took most 7s for 1s, 8s for 3s and 9s for 4s.
# The wrong label is the more frequent one, so nothing in the data says that it
# is wrong. Five images of each class whose labels you trust do.

# %%
import keras
import numpy as np
from sklearn.datasets import load_digits

from fsr_gdw_tf import Classifier, FineTune

EPOCHS = 30
CONFUSED = {7: 1, 8: 3, 9: 4}
NOISE, CLEAN_PER_CLASS = 0.6, 5

# %% [markdown]
# ## Data
#
# The clean images are none of the others.

# %%
x, truth = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
x_test, y_test, x, truth = x[1200:], truth[1200:], x[:1200], truth[:1200]
rng = np.random.default_rng(0)
is_clean = np.zeros(len(x), bool)
for digit in range(10):
    of_class = np.flatnonzero(truth == digit)
    is_clean[rng.choice(of_class, CLEAN_PER_CLASS, replace=False)] = True
x_clean, y_clean = x[is_clean], truth[is_clean]
x, truth = x[~is_clean], truth[~is_clean]
y = truth.copy()
for digit, taken_for in CONFUSED.items():
    y[(truth == digit) & (rng.random(len(x)) < NOISE)] = taken_for
print(f"{len(x)} images, {np.mean(y != truth):.1%} of them mislabelled")

# %% [markdown]
# ## Train
#
# `meta` is the clean set; with `meta_in_training=True` the network is trained
# on it as well, with any method.


# %%
def print_accuracy(name, method, **clean):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    classifier = Classifier.wrap(model, method)
    classifier.compile("adam")
    classifier.fit(x, y, epochs=EPOCHS, batch_size=50, verbose=0, **clean)
    right = model.predict(x_test, verbose=0).argmax(axis=1) == y_test
    confused = right[np.isin(y_test, list(CONFUSED))]
    print(f"{name:33} {right.mean():.1%}, of 7, 8, 9: {confused.mean():.1%}")


print_accuracy("plain training", "supervised")
print_accuracy("the default, no clean images", None)

# %%
clean = {"meta": (x_clean, y_clean), "meta_in_training": True}
print_accuracy("plain training, clean images too", "supervised", **clean)
fine_tune = FineTune(start=EPOCHS * 2 // 3)
print_accuracy("fine-tuning on the clean images", fine_tune, **clean)
print_accuracy("GDW", "gdw", **clean)

# %% [markdown]
# GDW learns from the clean images how much each label, and each class of it,
# should count; fine-tuning ends with some epochs on them alone. Where wrong
# labels are the exception, the default needs no clean images; see the other
# examples.
