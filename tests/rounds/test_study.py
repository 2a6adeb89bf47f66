"""A study.toml: what is accepted, and the one line that each mistake gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holter.rounds.study import Study
from holter.rounds.tables import TABLES, StudyError

MINIMAL = '[study]\nname = "small"\ntask = "activity"\n'


def refusal(*overrides: str, text: str = MINIMAL) -> str:
    with pytest.raises(StudyError) as caught:
        Study.parse(text, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_minimal_study_needs_name_task_and_a_promise() -> None:
    assert "privacy.epsilon" in refusal()
    study = Study.parse(MINIMAL, ["privacy.epsilon=8"])
    assert study.training.rounds == 40 and study.privacy.mode == "distributed"


def test_every_key_of_every_table_says_what_it_is() -> None:
    import dataclasses

    for name, table in TABLES.items():
        for entry in dataclasses.fields(table):
            assert entry.metadata["about"], f"{name}.{entry.name}"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainning.rounds=3", "did you mean training?"),
        ("training.round=3", "did you mean rounds?"),
        ("study.task=activty", "did you mean activity?"),
        ("privacy.mode=nonne", "did you mean none?"),
        ("training.rounds=many", "must be a whole number"),
        ("training.rounds=true", "must be a whole number"),
        ("training.rounds=0", "at least 1"),
        ("training.learning_rate=0", "above 0"),
        ("privacy.delta=0.5", "at most 0.1"),
        ("privacy.delta=nan", "finite"),
        ("data.source=npz", "data.path must name the file"),
        ("compression.share=0.5", 'needs compression.method = "subset"'),
        ("cohort.strata=1", "not built yet"),
        ("rounds=3", "table.key=value"),
        ("data.labels=3", "a list or table"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(override: str, words: str) -> None:
    assert words in refusal("privacy.epsilon=8", override)


def test_epsilon_and_noise_multiplier_exclude_one_another_in_a_file() -> None:
    both = MINIMAL + "[privacy]\nepsilon = 8\nnoise_multiplier = 1\n"
    assert "not both" in refusal(text=both)


def test_an_override_of_noise_multiplier_replaces_epsilon() -> None:
    text = MINIMAL + "[privacy]\nepsilon = 8\n"
    study = Study.parse(text, ["privacy.noise_multiplier=2"])
    assert study.privacy.epsilon is None and study.privacy.noise_multiplier == 2.0


def test_bare_words_are_text_in_an_override() -> None:
    assert Study.parse(MINIMAL, ["privacy.mode=none"]).privacy.mode == "none"


def test_broken_toml_says_where() -> None:
    assert "not valid TOML" in refusal(text="[study\n")


def test_a_study_survives_being_written_and_read(study_of: Callable[..., Study]) -> None:
    import tomli_w

    study = study_of("data.labels={ walk = [0, 1], run = ['2'] }", "privacy.noise_multiplier=1.5")
    assert Study.parse(tomli_w.dumps(study.tables())) == study


def test_signals_are_tables_of_their_own() -> None:
    text = (
        MINIMAL
        + '[privacy]\nmode = "none"\n[data]\nsource = "npz"\npath = "x.npz"\n'
        + '[[data.signals]]\narray = "acc"\nscale = 0.001\nchannels = [0, 1, 2]\n'
    )
    signal = Study.parse(text).data.signals[0]
    assert (signal.array, signal.scale, signal.channels) == ("acc", 0.001, (0, 1, 2))
    wrong = text.replace("scale", "scael")
    assert "did you mean scale?" in refusal(text=wrong)
