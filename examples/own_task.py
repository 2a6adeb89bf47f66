"""A task of your own in one small class: is the wearer's heart beating faster than usual for them?

The class says in words what it needs and what it tells apart, and cuts a recording into labelled
windows. Here the label comes from the recording itself: the median heart rate of the next ten
minutes against that of all minutes before. A study names the class, and everything else (splits,
rounds, secure aggregation, privacy, the report) is as for a task of holter's own:

    [study]
    task = "own_task:QuickHeart"

Run on SYNTHETIC people: they do not exist, and no number here is about anyone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import holter
from holter.rounds.study import Study
from holter.signals.errors import DataError
from holter.signals.prepare import Recorded
from holter.signals.recording import SECOND_NS, Recording
from holter.signals.resampling import held
from holter.signals.tasks import Need, Task
from holter.signals.tasks.cutting import kept, recorded
from holter.signals.tasks.task import series

MINUTES = 10


class QuickHeart(Task):
    """Whether the next ten minutes are quicker than the wearer's own past."""

    name = "quick-heart"
    about = "whether the heart will beat faster than usual in the next ten minutes"
    inputs = "heart rate, one value a minute"
    labels = "the ten minutes that follow: nobody labels anything"
    classes = ("usual", "quick")
    needs = (Need("heart_rate", 1 / 60),)
    channels = ("heart rate: (bpm - 75) / 15",)
    samples = MINUTES
    rate_hz = 1 / 60
    window_seconds = 60.0 * MINUTES

    def cut(self, recording: Recording) -> Recorded:
        """Windows of ten minutes that follow one another; the label looks at the ten after."""
        rate = series(recording, "heart_rate")
        if rate is None:
            raise DataError("the recording has no heart rate")
        begin, end = rate.span_ns
        minute = 60 * SECOND_NS
        moments = np.arange(begin, end, minute, dtype=np.int64)
        bpm = held(rate, moments, longest_seconds=90.0)
        windows = bpm[: len(bpm) // MINUTES * MINUTES].reshape(-1, MINUTES)
        medians = np.array([np.nanmedian(w) if np.isfinite(w).any() else np.nan for w in windows])
        y = np.full(len(windows), -1, dtype=np.int64)
        for row in range(2, len(windows) - 1):
            known = medians[: row + 1][np.isfinite(medians[: row + 1])]
            if len(known) and np.isfinite(medians[row + 1]):
                y[row] = int(medians[row + 1] > np.median(known))
        x = ((windows[:, None, :] - 75.0) / 15.0).astype(np.float32)
        y[~kept(x)] = -1
        starts = begin + np.arange(len(windows), dtype=np.int64) * MINUTES * minute
        return recorded(recording, starts, x, y)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))  # so that workers find own_task as well
    study = Study.parse("""
        [study]
        name = "quick-heart"
        task = "own_task:QuickHeart"
        [data]
        people = 24
        windows = 12
        missing = "person-mean"
        [model]
        name = "softmax"
        [training]
        rounds = 4
        clients_per_round = 8
        local_steps = 5
        [privacy]
        mode = "none"
        [simulation]
        workers = 1
    """)
    with TemporaryDirectory() as folder:
        run = holter.simulate(study, Path(folder) / "run")
        score = run.evaluation["new_people"]["accuracy"]
        print(f"{run.result['study']['task']}: {score:.0%} on new SYNTHETIC people (chance: half)")
