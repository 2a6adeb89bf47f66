"""Tools, signals: from the bytes of a file to windows that a model can learn from.

``windows`` holds the values (a person's Examples), ``readers`` turns NPZ, CSV and
Parquet into columns, ``prepare`` turns columns into people, ``inputs`` scales and
enriches them on the device, ``splits`` says who is new and which windows come later,
``tasks`` what can be learnt.
"""
