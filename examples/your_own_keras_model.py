# %% [markdown]
# # Your own Keras model: images, a table, words
#
# The same three lines train each of them: `wrap`, `compile`, `fit`. In each
# case 30 % of the training labels are wrong, and plain training is compared.

# %%
import keras
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from fsr_gdw_tf import Classifier

EPOCHS = 30
NOISE = 0.3


def with_wrong_labels(y, classes, seed=0):
    """Return labels of which a share are another class."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < NOISE
    return np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y)


def compare(build_model, x, y, x_test, y_test):
    """Train a model plainly, and with the default method."""
    for name, method in (("plain", "supervised"), ("default", None)):
        keras.utils.set_random_seed(0)
        model = build_model()
        classifier = Classifier.wrap(model, method)
        classifier.compile("adam")
        classifier.fit(x, y, epochs=EPOCHS, batch_size=32, verbose=0)
        # `model` itself was trained, too: use it, or save it, as ever.
        guess = classifier.predict(x_test, verbose=0).argmax(axis=1)
        n_issues = len(classifier.label_issues())
        print(
            f"{name:8} accuracy {np.mean(guess == y_test):.1%}, "
            f"{n_issues} labels look wrong"
        )


# %% [markdown]
# ## Images

# %%
x, y = load_digits(return_X_y=True)
x = x.reshape(-1, 8, 8, 1).astype("float32") / 16
x, x_test, y, y_test = x[:1000], x[1000:], y[:1000], y[1000:]
y = with_wrong_labels(y, 10)


def image_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


compare(image_model, x, y, x_test, y_test)

# %% [markdown]
# ## A table
#
# Arrays here; data frames work as well: `fit(table, "column of labels")`.

# %%
x, y = load_breast_cancer(return_X_y=True)
x = ((x - x.mean(0)) / x.std(0)).astype("float32")
x, x_test, y, y_test = x[:400], x[400:], y[:400], y[400:]
y = with_wrong_labels(y, 2)


def table_model():
    return keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


compare(table_model, x, y, x_test, y_test)

# %% [markdown]
# ## Words
#
# Sentences made of words of three topics and of words of none. The model takes
# texts: its first layer turns them into numbers.

# %%
TOPICS = [
    "rain cloud wind storm sun snow frost heat mist thunder",
    "goal team match player score coach league ball referee win",
    "oven salt bread butter soup flour pan recipe onion taste",
]
OTHERS = "the a and of was very then some before after with good bad"
rng = np.random.default_rng(0)
y = np.arange(900) % 3


def sentence(topic):
    """Return three words of a topic among six others, in any order."""
    words = rng.choice(TOPICS[topic].split(), 3)
    return " ".join(rng.permutation([*words, *rng.choice(OTHERS.split(), 6)]))


texts = np.array([sentence(topic) for topic in y])
texts, texts_test, y, y_test = texts[:600], texts[600:], y[:600], y[600:]
y = with_wrong_labels(y, 3)


def text_model():
    vectorize = keras.layers.TextVectorization(output_sequence_length=9)
    vectorize.adapt(texts)
    return keras.Sequential(
        [
            keras.Input((), dtype="string"),
            vectorize,
            keras.layers.Embedding(vectorize.vocabulary_size(), 16),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


compare(text_model, texts, y, texts_test, y_test)
