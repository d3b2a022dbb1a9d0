#!/usr/bin/env python3
"""Reference values for tests/results/statistics/statistics_reference_test.cpp, by SciPy, statsmodels and pandas.

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install scipy statsmodels pandas
    /tmp/reference/bin/python tests/results/statistics/reference/statistics.py > tests/results/statistics/reference/statistics.json

Nothing here shares code or method with results/: the bootstrap is brute force over all n^n resamples (and compared with
scipy.stats.bootstrap, which draws), tests are SciPy's, Holm's correction is statsmodels', cells are pandas group-bys.
"""
import itertools
import json

import numpy as np
import pandas as pd
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

RANDOM = np.random.default_rng(2018)


def t_interval(values):
    if len(values) < 2:
        return None, None
    interval = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    return float(interval[0]), float(interval[1])


def bca_interval(values):
    """Efron's BCa over every resample. Sums are of integers, so that equal means are equal."""
    values = np.asarray(values)
    n = len(values)
    resampled = np.array([sum(values[i] for i in chosen) for chosen in itertools.product(range(n), repeat=n)]) / n
    mean = values.sum() / n
    below = (np.mean(resampled < mean - 1e-13) + np.mean(resampled <= mean + 1e-13)) / 2
    z0 = stats.norm.ppf(below)
    left_out = np.array([np.delete(values, i).mean() for i in range(n)])
    pulls = left_out.mean() - left_out
    a = (pulls**3).sum() / (6 * (pulls**2).sum() ** 1.5)
    limits = []
    for tail in (0.025, 0.975):
        z = z0 + stats.norm.ppf(tail)
        limits.append(float(np.percentile(resampled, 100 * stats.norm.cdf(z0 + z / (1 - a * z)))))
    return limits


def check_against_scipy():
    """Compares with SciPy, which draws resamples and so agrees only approximately.

    The values are whole numbers, whose means tie exactly; otherwise rounding would decide ties with the mean.
    """
    for n in (5, 5, 6, 6):
        values = RANDOM.integers(0, 10000, n).astype(float)
        drawn = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=500000, random_state=RANDOM).confidence_interval
        ours, spread = bca_interval(values), np.ptp(values)
        # Few values have few different means: a drawn quantile may fall on a neighbour, up to 1/20 of
        # the spread away.
        assert abs(drawn.low - ours[0]) < 0.06 * spread and abs(drawn.high - ours[1]) < 0.06 * spread, (values, drawn, ours)


def samples():
    science_page = [0.80, 0.82, 0.81, 0.83, 0.79]
    cases = [science_page, [0.5, 0.7], [0.2, 0.2, 0.9], [0.61, 0.64, 0.64, 0.70], [0.1, 0.11, 0.12, 0.13, 0.95]]
    for n in (3, 4, 5, 5, 5, 6):
        cases.append([round(float(x), 6) for x in RANDOM.binomial(422, 0.8, n) / 422])
    out = []
    for values in cases:
        low, high = t_interval(values)
        boot_low, boot_high = bca_interval(values)
        out.append({"values": values, "mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)), "low": low, "high": high,
                    "bootstrap_low": boot_low, "bootstrap_high": boot_high})
    return out


def tests():
    out = []
    for n, m in ((5, 5), (3, 5), (2, 2), (7, 4)):
        a = [float(x) for x in RANDOM.normal(0.82, 0.01, n)]
        b = [float(x) for x in RANDOM.normal(0.80, 0.02, m)]
        common = min(n, m)
        out.append({"a": a, "b": b, "welch_p": float(stats.ttest_ind(a, b, equal_var=False).pvalue),
                    "paired_p": float(stats.ttest_rel(a[:common], b[:common]).pvalue)})
    return out


def holm():
    families = [[0.01, 0.04, 0.03, 0.005], [0.9, 0.8, 0.7], [1e-9], [0.02, 0.02, 0.02], [float(x) for x in RANDOM.uniform(0, 0.1, 12)]]
    return [{"p": p, "adjusted": [float(x) for x in multipletests(p, method="holm")[1]]} for p in families]


CELL = ["dataset", "samples_per_class", "generated_per_real", "budget"]


def campaign():
    """Returns a sweep of two (data set, n), m = 0..4, five seeds, step-matched baselines for m = 2 and 3.

    Some seeds are missing.
    """
    rows = []
    for dataset, n, total in (("emnist", 15, 18800), ("omniglot", 5, 422)):
        for m, budget in [(m, "epochs") for m in range(5)] + [(0, "steps:2"), (0, "steps:3")]:
            for seed in range(5):
                gain = 0.02 * np.sqrt(m) + (0.01 if budget != "epochs" else 0)
                rows.append((dataset, n, m, budget, seed, int(RANDOM.binomial(636, 0.72 + gain)), 636,
                             int(RANDOM.binomial(total, 0.70 + gain)), total))
    trials = pd.DataFrame(rows, columns=CELL + ["seed", "validation_correct", "validation_total", "test_correct", "test_total"])
    missing = [("omniglot", 0, "epochs", 3), ("omniglot", 2, "epochs", 1), ("omniglot", 2, "epochs", 2), ("emnist", 0, "steps:2", 0)]
    missing += [("emnist", 4, "epochs", seed) for seed in range(5)]
    gone = trials.apply(lambda t: (t.dataset, t.generated_per_real, t.budget, t.seed) in missing, axis=1)
    return trials, trials[~gone].reset_index(drop=True)


def number(x):
    return None if x is None or pd.isna(x) else float(x)


def interval_of(values):
    low, high = t_interval(values)
    return {"mean": number(np.mean(values)) if len(values) else None,
            "sd": number(np.std(values, ddof=1)) if len(values) > 1 else None, "low": number(low), "high": number(high)}


def gains(planned, trials):
    test = trials.assign(test=trials.test_correct / trials.test_total).set_index(CELL + ["seed"]).test
    rows = []
    for (dataset, n, m, budget), _ in planned.groupby(CELL):
        if m == 0:
            continue
        for against in ("epochs", f"steps:{m}"):
            if not ((planned.dataset == dataset) & (planned.generated_per_real == 0) & (planned.budget == against)).any():
                continue
            pairs = []
            for seed in range(5):
                if (dataset, n, m, budget, seed) in test.index and (dataset, n, 0, against, seed) in test.index:
                    pairs.append((test[(dataset, n, m, budget, seed)], test[(dataset, n, 0, against, seed)]))
            a, b = (np.array(x) for x in zip(*pairs)) if pairs else (np.array([]), np.array([]))
            row = {"dataset": dataset, "samples_per_class": int(n), "generated_per_real": int(m), "against": against,
                   "pairs": len(pairs), "missing": 5 - len(pairs), **interval_of(a - b)}
            row["p"] = float(stats.ttest_rel(a, b).pvalue) if len(pairs) > 1 else None
            row["bootstrap_low"], row["bootstrap_high"] = bca_interval(a - b) if len(pairs) > 1 else (None, None)
            rows.append(row)
    for family in ("epochs", "steps"):
        members = [row for row in rows if row["against"].startswith(family) and row["p"] is not None]
        for row, adjusted in zip(members, multipletests([row["p"] for row in members], method="holm")[1]):
            row["p_holm"] = float(adjusted)
    return [{"p_holm": None, **row} for row in rows]


def choices(planned, trials):
    trials = trials.assign(validation=trials.validation_correct / trials.validation_total)
    rows = []
    for (dataset, n), curve in planned[planned.generated_per_real >= 1].groupby(["dataset", "samples_per_class"]):
        values = {m: trials[(trials.dataset == dataset) & (trials.generated_per_real == m)].set_index("seed").validation
                  for m in sorted(curve.generated_per_real.unique())}
        best = max((m for m in values if len(values[m])), key=lambda m: (values[m].mean(), -m))
        for m, by_seed in values.items():
            behind = (values[best] - by_seed).dropna()
            row = {"dataset": dataset, "samples_per_class": int(n), "generated_per_real": int(m), "seeds": len(by_seed),
                   "missing": 5 - len(by_seed), **interval_of(by_seed.to_numpy()), "chosen": bool(m == best)}
            behind = interval_of(behind.to_numpy()) if m != best else {"mean": None, "low": None, "high": None}
            rows.append({**row, "behind_mean": behind["mean"], "behind_low": behind["low"], "behind_high": behind["high"]})
    return rows


def main():
    check_against_scipy()
    planned, trials = campaign()
    sizes = planned.groupby(CELL).size().reset_index(name="seeds")
    reference = {"made_by": [{"scipy": scipy.__version__, "statsmodels": statsmodels.__version__, "pandas": pd.__version__}],
                 "samples": samples(), "tests": tests(), "holm": holm(), "planned": sizes.to_dict("records"),
                 "trials": trials.to_dict("records"), "gains": gains(planned, trials), "choices": choices(planned, trials)}
    # One record per line, for readable diffs.
    lists = (f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, records)) + "\n]" for name, records in reference.items())
    print("{" + ",\n".join(lists) + "}")


if __name__ == "__main__":
    main()
