"""Choose the dictionary's members before training and after each epoch."""

import keras

from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.dictionary import Dictionary


class RefreshDictionary(keras.callbacks.Callback):
    """Callback that refreshes a dictionary; added by `Classifier.fit`."""

    def __init__(
        self, dictionary: Dictionary, source: Source, first_epoch: int = 0
    ):
        super().__init__()
        self.dictionary, self.source = dictionary, source
        self.first_epoch = first_epoch

    def on_train_begin(self, logs=None):
        """Choose random members, unless a checkpoint has restored some."""
        if self.dictionary.empty:
            self.refresh(self.first_epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Choose the best of each class for the next epoch."""
        self.refresh(epoch + 1)

    def refresh(self, epoch: int) -> None:
        """Choose members and read their inputs, not the whole training set."""
        self.dictionary.refresh(self.model, self.source, epoch)
