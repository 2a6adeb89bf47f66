"""Files of devices and apps -> recordings. One module a format; see ``catalogue`` for all.

``files`` how bytes come in, ``formats`` what a format is, ``recognise`` which one a file has,
``times`` the many ways to write a time. Read ``empatica_e4`` first: it is the shortest.
"""
