"""docs/results.md from runs: every committed study without privacy and with stated noise.

    python tools/results.py --out docs/results.md [--runs FOLDER]

Reads the recordings under HOLTER_DATA. Runs that are in FOLDER already are not made again; those
of accuracy against epsilon (``tools/epsilon_curves.py``) take an hour, all others ten minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import epsilon_curves

import holter

ROOT = Path(__file__).parents[1]
NOISE = 1.0  # stated noise multiplier of the private runs

REFERENCE = {
    "walch_sleep": ("wake / NREM / REM, leave-one-out", 0.741, 0.609, None),
    "mitbih_arrhythmia": ("4 classes, 2 patients out", 0.919, 0.427, None),
    "sisfall": ("10 groups, 10 folds", 0.818, 0.751, None),
    "wisdm_v1_features": ("6 classes, 9 folds", 0.779, 0.717, 0.765),
    "stress_predict": ("scaled per person, leave-one-out", 0.741, 0.682, 0.741),
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
        people = evaluation[arm]["per_person"]["accuracy"]
        cells.append(f"{share(people['mean'])} / {share(people['p10'])}")
    helped = evaluation["helped"]
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


def page(open_runs: dict[str, dict[str, Any]], noisy: dict[str, dict[str, Any]], runs: Path) -> str:
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
        "The references are ExtraTrees on hand-made features with all people's data pooled in one place.",
        "That of `mitbih_arrhythmia` has four classes (F apart); ours counts F as V, so the two macro-F1",
        "are not the same quantity.",
        "",
        "| study | recall (sensitivity) of each class |",
        "|---|---|",
        *(recall_row(name, result) for name, result in open_runs.items()),
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
    return "\n".join([*lines, *epsilon_curves.section(runs)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=None)
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
    epsilon_curves.remember_people()
    arguments.out.write_text(page(open_runs, noisy, runs))


if __name__ == "__main__":
    main()
