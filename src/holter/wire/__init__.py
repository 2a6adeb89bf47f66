"""Ground floor, bytes: one strict encoding for everything that crosses a boundary.

``cbor`` is the only encoding devices speak (deterministic, strict, bounded);
``fields`` takes a decoded message apart and names the field that is wrong.
"""
