"""Why a label is suspected, in words."""

from fsr_gdw_tf.label_quality.label_records import LabelRecords

OFTEN = 0.5


class Reasons:
    """Called with an example's index, says what speaks against its label."""

    def __init__(self, records: LabelRecords):
        self.records = records
        weights = records.columns.get("weight")
        self.mean_weight = None if weights is None else float(weights.mean())

    def __call__(self, index: int) -> str:
        """All reasons in one line."""
        found = [self.prediction(index), self.visits(index)]
        found.append(self.weight(index))
        return "; ".join(reason for reason in found if reason)

    def prediction(self, i: int) -> str:
        """What the network says, on average."""
        s = self.records
        given, best = s.given[i], s.top[i, 0]
        own = f"{s.class_names[given]} ({s.columns['probability'][i]:.2f})"
        if best == given:
            return f"model says {own}"
        name = f"{s.class_names[best]} ({s.top_probs[i, 0]:.2f})"
        return f"model says {name}, the label {own}"

    def visits(self, i: int) -> str:
        """How often it said something else than the label."""
        columns = self.records.columns
        share, visits = columns["disagreement"][i], columns["visits"][i]
        if share < OFTEN or not visits:
            return ""
        return f"not its label in {share:.0%} of {visits:.0f} visits"

    def weight(self, i: int) -> str:
        """How little the method made of it."""
        columns = self.records.columns
        if "weight" not in columns:
            return ""
        if columns["zero_weight"][i] >= OFTEN:
            return f"weight 0 in {columns['zero_weight'][i]:.0%} of visits"
        weight, mean = columns["weight"][i], self.mean_weight
        if weight < OFTEN * mean:
            return f"weight {weight:.2g} (mean {mean:.2g})"
        return ""
