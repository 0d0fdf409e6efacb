"""Which methods all_costs.py measures, with which networks and sizes."""

from typing import NamedTuple

from recipes import KERAS


class Table(NamedTuple):
    """The sizes and methods of one run of step_cost.py."""

    size: int
    batch: int
    meta_batch: int
    reward_batch: int
    examples: int
    rounds: int
    methods: list[str]


NOW = "gdw VirtualStep.ahead=False"
FRESH = "fsr REWARD_FEATURES='fresh'"
JOINT = f"{FRESH} META_STATISTICS='joint'"
FINITE = "VirtualStep.hypergradient='finite_difference'"
WHOLE = "gdw_dictionary_raw SCOPE='all'"
MAIN = ["supervised", KERAS, "mwnet", "gdw", NOW, "gdw_head"]
MAIN += ["l2rw", FRESH, "fsr_raw", "fsr"]
# `gdw` itself has 100 meta examples.
MORE = [f"{NOW} MetaLoss.every=4"]
MORE += [f"gdw META_BATCH_SIZE={size}" for size in (25, 50, 200)]
MORE += [f"gdw {FINITE}", f"gdw {FINITE} META_BATCH_SIZE=25"]
MORE += [f"{NOW} {FINITE}", f"gdw VirtualStep.ahead='momentum' {FINITE}"]
MORE += [f"{NOW} {FINITE} META_BATCH_SIZE=25"]
MORE += [f"{NOW} {FINITE} MetaLoss.every=4"]
MORE += ["mwnet VirtualStep.ahead=False", "mwnet SCOPE='head'"]
MORE += ["l2rw VirtualStep.ahead=False", "l2rw SCOPE='head'"]
MORE += ["gdw_dictionary_raw", "gdw_dictionary", "default"]
MORE += [WHOLE, f"{WHOLE} VirtualStep.ahead=False {FINITE}"]
MORE += [f"{WHOLE} VirtualStep.ahead=False {FINITE} REWARD_BATCH=30"]
MORE += ["fsr_raw REWARD_FEATURES='bank'", JOINT]
MORE += ["mixup_relabel", "mixup", "remix", "relabel", "elr"]
MORE += ["posterior_weights"]
MORE += ["focal", "class_balanced", "gce", "forward_correction", "glc"]
MORE += ["coteaching", "mentornet", "crust", "d2l", "pencil", "finetune"]
MORE += ["soft_label", "gen_label", "insw"]
# The last two of the three stages of ResNet-32, and the last one; the hidden
# layer of the tiny CNN, and its last convolution as well.
SCOPES = ["gdw SCOPE='conv2d_11'", "gdw SCOPE='conv2d_21'"]
OF_TINY = ["gdw SCOPE='conv2d_2'", "gdw SCOPE='dense'"]
OF_TINY += [f"{JOINT} FSR.scope='dense'", f"{JOINT} FSR.scope='all'"]
# Two meta images are a quarter of its meta batch.
OF_RESNET50 = [f"gdw {FINITE}", f"{NOW} {FINITE}"]
OF_RESNET50 += [f"{NOW} {FINITE} META_BATCH_SIZE=2"]
OF_RESNET50 += [f"{NOW} {FINITE} MetaLoss.every=4"]
TABLES = {
    # As in gin/cifar10_small.gin, for the accuracy table.
    "tiny_cnn": Table(32, 100, 100, 100, 2000, 60, [*MAIN, *OF_TINY, *MORE]),
    "small_cnn": Table(32, 100, 100, 200, 2000, 20, MAIN),
    "resnet32": Table(32, 100, 100, 200, 2000, 20, [*MAIN, *SCOPES, *MORE]),
    "wrn_28_2": Table(32, 100, 100, 200, 2000, 10, MAIN),
    "resnet50": Table(224, 8, 8, 10, 20, 5, [*MAIN, *OF_RESNET50]),
}
PHASES_OF = "resnet32"
PHASES = ["supervised", "mwnet", "gdw", NOW, "gdw_head", FRESH, "fsr"]


def merge(old: list[dict], new: list[dict], only_some: bool) -> list[dict]:
    """Return the rows of all networks, with the new ones of one network.

    New rows are a whole table, or some methods of it behind their unit; then
    those of the other methods stay, the unit's too.
    """
    network = new[0]["network"]
    if only_some:
        unit, *measured = new
        before = [row for row in old if row["network"] == network]
        by_method = {r["method"]: r for r in (unit, *before, *measured)}
        new = list(by_method.values())
    rows = new + [row for row in old if row["network"] != network]
    return sorted(rows, key=_place)


def _place(row: dict) -> tuple[int, int]:
    """Return a row's place: by network, then by method; unknown ones last."""
    networks, methods = list(TABLES), []
    if row["network"] in networks:
        methods = TABLES[row["network"]].methods
    places = (networks, row["network"]), (methods, row["method"])
    network, method = (
        names.index(name) if name in names else len(names)
        for names, name in places
    )
    return network, method
