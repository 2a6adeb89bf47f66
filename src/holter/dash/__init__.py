"""World, pages: a run's result and journal in, self-contained pages out.

Pure functions of values; the only thing read is the packaged templates. Read in this
order: ``report`` (the two calls others make); ``view``, ``answer``, ``facts`` and ``promise``
(what a page says, as plain text); ``charts``, ``timeline`` and ``participation`` (what it
draws); and beneath them ``reading`` (a JSON tree, read without trust), ``numbers`` (how a
number is written), ``svg`` (coordinates and marks). ``templates`` holds the
words around them and the two style sheets.
"""
