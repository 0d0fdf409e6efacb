"""Why a label is suspected, in words."""

from fsr_gdw_tf.report.statistics import Statistics
from fsr_gdw_tf.report.suspicion import Verdict

OFTEN = 0.5


class Reasons:
    """Called with an example's index, says what speaks against its label."""

    def __init__(self, statistics: Statistics, verdict: Verdict):
        self.statistics, self.verdict = statistics, verdict

    def __call__(self, index: int) -> str:
        """All reasons in one line."""
        found = [self.prediction(index), self.visits(index)]
        found.append(self.weight(index))
        return "; ".join(reason for reason in found if reason)

    def prediction(self, i: int) -> str:
        """What the network says instead."""
        s = self.statistics
        given, best = s.given[i], self.verdict.suggested[i]
        own = f"{s.class_names[given]} ({s.columns['probability'][i]:.2f})"
        if best == given:
            return f"model says {own}"
        other = s.top_probs[i][s.top[i] == best].sum()
        name = f"{s.class_names[best]} ({other:.2f})"
        return f"model says {name}, the label {own}"

    def visits(self, i: int) -> str:
        """How often it said something else than the label."""
        columns = self.statistics.columns
        share, visits = columns["disagreement"][i], columns["visits"][i]
        if share < OFTEN or not visits:
            return ""
        return f"not its label in {share:.0%} of {visits:.0f} visits"

    def weight(self, i: int) -> str:
        """How little the method made of it."""
        columns = self.statistics.columns
        if "weight" not in columns:
            return ""
        if columns["zero_weight"][i] >= OFTEN:
            return f"weight 0 in {columns['zero_weight'][i]:.0%} of visits"
        mean = columns["weight"].mean()
        if columns["weight"][i] < OFTEN * mean:
            return f"weight {columns['weight'][i]:.2g} (mean {mean:.2g})"
        return ""
