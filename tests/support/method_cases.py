"""One row of keyword arguments for every method and regulariser."""

from support.models import blobs, classifier

from fsr_gdw_tf import (
    Dictionary,
    MetaLoss,
    MixUp,
    Supervised,
    VirtualStep,
    WeightNet,
)
from fsr_gdw_tf.methods import (
    CRUST,
    D2L,
    FSR,
    GCE,
    GDW,
    GLC,
    INSW,
    L2RW,
    PENCIL,
    ClassBalanced,
    CoTeaching,
    FineTune,
    Focal,
    ForwardCorrection,
    GenLabel,
    MentorNet,
    MWNet,
    SoftLabel,
)
from fsr_gdw_tf.networks.mentor import mentor_network
from fsr_gdw_tf.regularisers import ELR, PosteriorWeights, Relabel, Remix

DIFFERENCE = VirtualStep(hypergradient="finite_difference")
NOW = VirtualStep(ahead=False)
NOISE = [[0.8, 0.1, 0.1], [0.0, 1.0, 0.0], [0.0, 0.3, 0.7]]
# Every row must pass every test below: name -> keyword arguments.
CASES = {
    "supervised": lambda: {"method": Supervised()},
    "label_smoothing": lambda: {"method": Supervised(smoothing=0.1)},
    "focal": lambda: {"method": Focal()},
    "class_balanced": lambda: {"method": ClassBalanced(beta=0.9)},
    "class_balanced_focal": lambda: {"method": ClassBalanced("focal")},
    "elr": lambda: {"regularisers": [ELR()]},
    "posterior_weights": lambda: {"regularisers": [PosteriorWeights()]},
    "gce": lambda: {"method": GCE()},
    "mixup": lambda: {"regularisers": [MixUp()]},
    "remix": lambda: {"regularisers": [Remix(kappa=1.0)]},
    "mixup_beta": lambda: {"regularisers": [MixUp("beta")]},
    "class_balanced_deferred": lambda: {"method": ClassBalanced(warmup=1)},
    "forward_correction": lambda: {"method": ForwardCorrection()},
    "forward_known": lambda: {"method": ForwardCorrection(NOISE)},
    "glc": lambda: {"method": GLC()},
    "coteaching": lambda: {"method": CoTeaching(0.4, rise=1)},
    "mentornet": lambda: {"method": MentorNet()},
    "mentornet_dd": lambda: {"method": MentorNet(mentor=mentor_network())},
    "crust": lambda: {"method": CRUST(warmup=1)},
    "crust_unmixed": lambda: {"method": CRUST(warmup=1, blend=0)},
    "d2l": lambda: {"method": D2L(start=0, window=1)},
    "pencil": lambda: {"method": PENCIL(warmup=0.2, fix=0.5)},
    "soft_label": lambda: {"method": SoftLabel()},
    "gen_label": lambda: {"method": GenLabel(rate=1000.0, warmup=0.25)},
    "finetune": lambda: {"method": FineTune(start=1)},
    "l2rw": lambda: {"method": L2RW()},
    "insw": lambda: {"method": INSW()},
    "mwnet": lambda: {"method": MWNet()},
    "mwnet_warmup": lambda: {"method": MWNet(warmup=1)},
    "gdw": lambda: {"method": GDW()},
    "gdw_head": lambda: {"method": GDW(scope="head")},
    "gdw_now": lambda: {"method": GDW(virtual_step=NOW)},
    "gdw_difference": lambda: {"method": GDW(virtual_step=DIFFERENCE)},
    "gdw_every": lambda: {
        "method": GDW(
            virtual_step=VirtualStep(ahead="momentum"),
            meta_loss=MetaLoss(every=2, average=0.5),
        )
    },
    "gdw_normal": lambda: {"method": GDW(weight_net=WeightNet(normalise=True))},
    "gdw_free": lambda: {"method": GDW(zero_mean=False)},
    "fsr": lambda: {
        "method": FSR(warmup=1),
        "regularisers": [MixUp(), Relabel(warmup=1)],
    },
    "fsr_raw": lambda: {"method": FSR(Dictionary(same_draw=True), warmup=1)},
    "fsr_shift": lambda: {
        "method": FSR(Dictionary(same_draw=True), rule="shift", warmup=0)
    },
    "fsr_all": lambda: {
        "method": FSR(Dictionary(same_draw=True), scope="all", warmup=0)
    },
    "fsr_clean": lambda: {"method": FSR(meta=None, warmup=0)},
    "relabel": lambda: {
        "regularisers": [Relabel(memory="probs", top=2, warmup=1)]
    },
    "gdw_dictionary": lambda: {
        "method": GDW(
            meta=Dictionary(features="bank", same_draw=True), scope="head"
        ),
    },
}
# Other settings of methods that are there anyway: no code of their own that
# precision, XLA, checkpoints or replicas could break.
VARIANTS = (
    "label_smoothing",
    "class_balanced_focal",
    "class_balanced_deferred",
    "mixup_beta",
    "forward_known",
    "mwnet_warmup",
    "gdw_normal",
    "gdw_free",
    "gdw_head",
    "fsr_raw",
    "fsr_shift",
)
MAIN = [case for case in CASES if case not in VARIANTS]
# Methods whose step is plain training's with another loss of each example:
# that XLA and replicas take such a step is shown with "supervised" and "elr".
LOSSES = ("focal", "gce", "forward_correction", "glc", "d2l", "finetune")
RANDOM = (
    "mixup",
    "mixup_beta",
    "remix",
    "mentornet",
    "mentornet_dd",
    "crust",
    "fsr",
    "fsr_raw",
    "fsr_shift",
    "fsr_all",
    "gdw_dictionary",
)
# TrainingDynamics reads nothing of a method but its omega: with XLA, in other
# precisions and on replicas it records these, one for each kind of omega.
TRACKED = ("supervised", "gdw", "fsr", "pencil")


def build(case, **kwargs):
    kwargs.setdefault("track_labels", case in TRACKED)
    return classifier(**CASES[case](), **kwargs)


def fit(model, data=None, **kwargs):
    """Fit on blobs, with twelve clean points if the method needs them."""
    if model.method.uses_meta:
        kwargs["meta"] = blobs(n=12, seed=7)
    return model.fit(*(data or blobs()), verbose=0, **kwargs).history
