"""Tools, signals: from the bytes of a file to windows that a model can learn from.

    files of a device -> readers -> Recording -> quality -> tasks cut -> Recorded -> Examples
    table of windows  -> columns -> prepare -------------------------^

``kinds`` what can be measured, in which unit; ``recording`` the values; ``readers`` one module a
format, which all end in ``gathering`` and ``stretches``; ``quality`` what of a recording is usable
(``wear``, ``artefacts``); ``resampling`` one even grid; ``features`` beats, variability, counts,
nights; ``tasks`` what can be learnt and how a recording is cut for it; ``sets`` published data sets
in their own layout; ``columns`` and ``prepare`` windows that come ready-made; ``inputs`` scales and
enriches windows on the device; ``splits`` says who is new and which windows come later;
``windows`` is what a model is shown.
"""
