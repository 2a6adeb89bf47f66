"""docs/results.md from runs: every committed study without privacy and with stated noise.

    python tools/results.py --out docs/results.md [--runs FOLDER] [--curves]

Reads the recordings under HOLTER_DATA. Runs that are in FOLDER already are not made again. Those
of accuracy against epsilon (``tools/epsilon_curves.py``) take an hour and are made with --curves
only; without it their section stays as it stands on the page. All others take twenty minutes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import epsilon_curves

import holter

ROOT = Path(__file__).parents[1]
NOISE = 1.0  # stated noise multiplier of the private runs
DATA = Path(os.environ.get("HOLTER_DATA", "data"))
SYNTHETIC = (
    "data.source=synthetic", "data.people=150", "data.windows=60", "evaluation.folds=3",
)  # fmt: skip
REAL_RECORDINGS = {
    "walch_sleep": "format_samples/walch_text",
    "mitbih_arrhythmia": "format_samples/wfdb_mitbih",
    "fitbit_fitabase": "fitbit_fitabase",
}

REFERENCE = {
    "walch_sleep": ("wake / NREM / REM, leave-one-out", 0.741, 0.609, None),
    "mitbih_arrhythmia": ("4 classes, 2 patients out", 0.919, 0.427, None),
    "sisfall": ("10 groups, 10 folds", 0.818, 0.751, None),
    "wisdm_v1_features": ("6 classes, 9 folds", 0.779, 0.717, 0.765),
    "stress_predict": ("scaled per person, leave-one-out", 0.741, 0.682, 0.741),
    "sisfall_alarm": ("fall or daily, 10 folds", 0.9975, 0.993, 0.998),
    "hmp_wrist": ("14 classes, 8 folds", 0.546, 0.382, 0.586),
    "fitbit_fitabase": ("chance; the commonest class has .367", None, None, None),
}  # ExtraTrees on hand-made features, people left out, all data pooled: what, accuracy, macro-F1, mean


def run(study: Path, out: Path, *overrides: str) -> holter.Run:
    """The run in ``out``, made if it is not there."""
    if (out / "result.json").exists():
        return holter.load_run(out)
    print(f"running {study.stem} {' '.join(overrides)}", flush=True)
    return holter.simulate(study, out, overrides=overrides, force=True)


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def open_rows(name: str, result: dict[str, Any]) -> list[str]:
    """New people, without privacy, and the reference beneath."""
    what, accuracy, macro, mean = REFERENCE[name]
    block = result["evaluation"]["new_people"]
    people = block["per_person"]["accuracy"]
    return [
        f"| `{name}` | {block['people']} | {share(block['accuracy'])} | {share(block['macro_f1'])} "
        f"| {share(block['kappa'])} | {share(people['mean'])} / {share(people['p10'])} / "
        f"{share(people['min'])} | {result['model']['name']}, {result['model']['parameters']:,} "
        f"| {result['time']['seconds']:.0f} |",
        f"| *reference: {what}* | | {share(accuracy)} | {share(macro)} | | {share(mean)} "
        "| trees, pooled | |",
    ]


def recall_row(name: str, result: dict[str, Any]) -> str:
    """Of the windows of each class, the share found."""
    per_class = result["evaluation"]["new_people"]["per_class"]
    return (
        f"| `{name}` | "
        + ", ".join(f"{c} {share(s['recall'])}" for c, s in per_class.items())
        + " |"
    )


def arm_row(name: str, result: dict[str, Any]) -> str:
    """The three arms on later windows: mean and 10th percentile over people."""
    evaluation = result["evaluation"]
    cells = []
    for arm in ("local_only", "global_later", "personalised"):
        if evaluation[arm] is None:
            cells.append("")
            continue
        people = evaluation[arm]["per_person"]["accuracy"]
        cells.append(f"{share(people['mean'])} / {share(people['p10'])}")
    helped = evaluation["helped"] or {"helped": "", "unchanged": "", "hurt": ""}
    return (
        f"| `{name}` | {' | '.join(cells)} | {helped['helped']} / {helped['unchanged']} / "
        f"{helped['hurt']} |"
    )


def noise_row(name: str, result: dict[str, Any]) -> str:
    """With stated noise, and what follows."""
    block, privacy = result["evaluation"]["new_people"], result["privacy"]
    return (
        f"| `{name}` | {privacy['noise_multiplier']:g} | {privacy['max_participations']} | "
        f"{privacy['epsilon']:,.0f} | {share(block['accuracy'])} | {share(block['macro_f1'])} | "
        f"{result['traffic']['upload_bytes_per_client_round']:,} |"
    )


def alarm_rows(result: dict[str, Any]) -> list[str]:
    """Falls missed and false alarms, by level."""
    return [
        f"| {level['level']:g} | {level['missed']} of {level['events']:,} "
        f"({level['missed_share']:.1%}) | {level['per_hour']:.2f} | "
        f"{level['person_median_per_hour']:.2f} / {level['person_p90_per_hour']:.2f} / "
        f"{level['person_most_per_hour']:.2f} |"
        for level in result["evaluation"]["alarm"]
    ]


def synthetic_to_real(runs: Path) -> list[str]:
    """Trained on synthetic people alone, tested on real recordings that the same task cuts."""
    rows = []
    for name, where in REAL_RECORDINGS.items():
        study = ROOT / "studies" / f"{name}.toml"
        made = run(study, runs / f"{name}-synthetic", *SYNTHETIC)
        real = holter.evaluate(made, DATA / where)["new_people"]
        own = made.evaluation["new_people"]
        task = made.result["study"]["task"]
        rows.append(
            f"| `{task}` | {share(own['accuracy'])} / {share(own['macro_f1'])} | `{where}`, "
            f"{real['people']} | {share(real['accuracy'])} / {share(real['macro_f1'])} / "
            f"{share(real['kappa'])} |"
        )
    return rows


def marginals() -> list[str]:
    """What benchmarks/synthetic_against_real.py prints."""
    command = [sys.executable, str(ROOT / "benchmarks" / "synthetic_against_real.py")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def curves(out: Path, runs: Path, *, anew: bool) -> list[str]:
    """The section on accuracy against epsilon: made, or as the page has it."""
    if anew:
        epsilon_curves.remember_people()
        return epsilon_curves.section(runs)
    text = out.read_text(encoding="utf-8")
    return text[text.index("## Accuracy against epsilon") :].rstrip("\n").splitlines()


def page(
    open_runs: dict[str, dict[str, Any]],
    noisy: dict[str, dict[str, Any]],
    runs: Path,
    last: list[str],
) -> str:
    """The page."""
    lines = [
        "# Results",
        "",
        "Written by `tools/results.py` from the committed studies, over all people of each set, people",
        "never split. Differences below .02 are noise on sets this small. Inputs and settings were",
        "chosen on these same people (6 to 16 configurations a set), so the figures flatter a little.",
        "",
        '## New people, without privacy (`privacy.mode = "none"`: NOT PRIVATE)',
        "",
        "| study | people | accuracy | macro-F1 | kappa | per person: mean / 10th / worst | model, parameters | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, result in open_runs.items():
        lines += open_rows(name, result)
    lines += [
        "",
        "Seconds are wall time of one run on two cores that had other work as well.",
        "",
        "The references are ExtraTrees on hand-made features with all people's data pooled in one place.",
        "That of `mitbih_arrhythmia` has four classes (F apart); ours counts F as V, so the two macro-F1",
        "are not the same quantity.",
        "",
        "| study | recall (sensitivity) of each class |",
        "|---|---|",
        *(recall_row(name, result) for name, result in open_runs.items()),
        "",
        "## The fall alarm",
        "",
        "`sisfall_alarm` on all windows of new people, {:.1f} hours of daily trials without a fall. Falls".format(
            open_runs["sisfall_alarm"]["evaluation"]["alarm"][0]["hours"]
        ),
        "are staged and cut around their impact; an hour of trials is an hour of movement.",
        "",
        "| raised from | falls missed | false alarms an hour | per person: median / 90th / most |",
        "|---|---|---|---|",
        *alarm_rows(open_runs["sisfall_alarm"]),
        "",
        "## Later windows of the same new people (mean / 10th percentile of accuracy over people)",
        "",
        "| study | learning alone | federated | federated + fitted | helped / unchanged / hurt |",
        "|---|---|---|---|---|",
        *(arm_row(name, result) for name, result in open_runs.items()),
        "",
        f'## With a stated noise multiplier of {NOISE:g} (`privacy.mode = "distributed"`)',
        "",
        "With 22 to 36 people no useful epsilon exists. This is what follows, however large; nobody",
        "simulated is protected.",
        "",
        "| study | noise multiplier | participations | epsilon (delta 1e-6) | accuracy | macro-F1 | bytes up a client and round |",
        "|---|---|---|---|---|---|---|",
        *(noise_row(name, result) for name, result in noisy.items()),
        "",
    ]
    lines += [
        "## Trained on synthetic people, tested on real ones",
        "",
        "The same studies on 150 synthetic people, cut by the task; the model is then tested on real",
        "recordings that the same task cuts (`holter evaluate RUN --data FOLDER`).",
        "",
        "| task | synthetic new people: accuracy / macro-F1 | real recordings, people | accuracy / macro-F1 / kappa |",
        "|---|---|---|---|",
        *synthetic_to_real(runs),
        "",
        "## Synthetic people beside real ones",
        "",
        "![A real day and night, and a synthetic one](figures/day.png)",
        "",
        "![A real hour at the wrist, and a synthetic one](figures/hour.png)",
        "",
        "The generator's constants come from published physiology. Where that leaves room (bounce, turning",
        "and impacts at the waist, restlessness in bed, a case that warms up) they were chosen with these sets",
        "in view, none by a fit; so a row that is near is no independent proof.",
        "",
        *marginals(),
        "",
    ]
    return "\n".join([*lines, *last, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=None)
    parser.add_argument("--curves", action="store_true")
    arguments = parser.parse_args()
    runs = arguments.runs or Path(tempfile.mkdtemp(prefix="holter-results-"))
    open_runs, noisy = {}, {}
    for name in REFERENCE:
        study = ROOT / "studies" / f"{name}.toml"
        open_runs[name] = dict(run(study, runs / f"{name}-open").result)
        noisy[name] = dict(
            run(
                study,
                runs / f"{name}-noisy",
                "privacy.mode=distributed",
                f"privacy.noise_multiplier={NOISE}",
            ).result
        )
    last = curves(arguments.out, runs, anew=arguments.curves)
    arguments.out.write_text(page(open_runs, noisy, runs, last))


if __name__ == "__main__":
    main()
