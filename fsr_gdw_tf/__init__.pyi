# What type checkers and editors see: `__init__.py` imports on first use.
from fsr_gdw_tf.callbacks import SaveLabelRecords as SaveLabelRecords
from fsr_gdw_tf.classifier import Classifier as Classifier
from fsr_gdw_tf.data import InputPipeline as InputPipeline
from fsr_gdw_tf.data import Source as Source
from fsr_gdw_tf.data import arrays as arrays
from fsr_gdw_tf.data import from_arrays as from_arrays
from fsr_gdw_tf.data import from_csv as from_csv
from fsr_gdw_tf.data import from_dataframe as from_dataframe
from fsr_gdw_tf.data import from_folder as from_folder
from fsr_gdw_tf.data import from_tfds as from_tfds
from fsr_gdw_tf.dictionary import Dictionary as Dictionary
from fsr_gdw_tf.errors import InvalidInput as InvalidInput
from fsr_gdw_tf.estimator import SklearnClassifier as SklearnClassifier
from fsr_gdw_tf.lookahead import MetaLoss as MetaLoss
from fsr_gdw_tf.lookahead import VirtualStep as VirtualStep
from fsr_gdw_tf.methods import *  # noqa: F403
from fsr_gdw_tf.methods.weight_net import WeightNet as WeightNet
from fsr_gdw_tf.recorders import TrainingDynamics as TrainingDynamics
from fsr_gdw_tf.regularisers import *  # noqa: F403

__version__: str
