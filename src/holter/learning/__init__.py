"""Science, learning: models, training on the device, the server's step, evaluation.

Only ``model``, ``layers`` and ``client_update`` import torch;
``server_optimizer`` and ``evaluation`` are numpy alone, because a coordinator needs them.
"""
