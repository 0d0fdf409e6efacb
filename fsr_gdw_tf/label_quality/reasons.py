"""Say in words why a label is suspected."""

from fsr_gdw_tf.label_quality.label_records import LabelRecords

OFTEN = 0.5


class Reasons:
    """Callable that returns the evidence against an example's label."""

    def __init__(self, records: LabelRecords):
        self.records, self.held_out = records, records.held_out
        weights = records.columns.get("weight")
        self.mean_weight = None if weights is None else float(weights.mean())

    def __call__(self, index: int) -> str:
        """Return all evidence against the label in one line."""
        parts = (self.prediction(index), self.visits(index), self.weight(index))
        return "; ".join(part for part in parts if part)

    def prediction(self, index: int) -> str:
        """Return the mean prediction, beside that for the given label."""
        records = self.records
        given, best = records.given[index], records.top[index, 0]
        p = records.columns["probability"][index]
        given_text = f"{records.class_names[given]} ({p:.2f})"
        if best == given:
            return f"model predicts {given_text}"
        p = records.top_probs[index, 0]
        best_text = f"{records.class_names[best]} ({p:.2f})"
        return f"model predicts {best_text}, not {given_text}"

    def visits(self, index: int) -> str:
        """Return how often the network predicted another class, if often."""
        if self.held_out[index]:
            return "held out: the network was not trained on it"
        columns = self.records.columns
        share, visits = columns["disagreement"][index], columns["visits"][index]
        if share < OFTEN or not visits:
            return ""
        return f"predicted another class in {share:.0%} of {visits:.0f} visits"

    def weight(self, index: int) -> str:
        """Return the weight that the method gave the example, if it is low."""
        columns = self.records.columns
        if "weight" not in columns or self.held_out[index]:
            return ""
        zero_share = columns["zero_weight"][index]
        if zero_share >= OFTEN:
            return f"weight 0 in {zero_share:.0%} of visits"
        weight, mean = columns["weight"][index], self.mean_weight
        if weight < OFTEN * mean:
            return f"weight {weight:.2g} (mean {mean:.2g})"
        return ""
