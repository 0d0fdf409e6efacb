"""Fills a dictionary before the first step and after each epoch."""

import keras


class RefreshDictionary(keras.callbacks.Callback):
    """Part of every `Classifier.fit` whose method has a dictionary."""

    def __init__(self, dictionary, source, first_epoch: int = 0):
        super().__init__()
        self.dictionary, self.source = dictionary, source
        self.first_epoch = first_epoch

    def on_train_begin(self, logs=None):
        """Random members, unless a checkpoint has brought some."""
        if self.dictionary.empty:
            self.refresh(self.first_epoch)

    def on_epoch_end(self, epoch, logs=None):
        """The best of each class, for the next epoch."""
        self.refresh(epoch + 1)

    def refresh(self, epoch: int) -> None:
        """Only the members are read, never the whole training set."""
        self.dictionary.refresh(self.model, self.source, epoch)
