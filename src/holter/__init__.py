"""holter: federated learning for wearables. Learn from recordings without collecting them.

The public names are these, and they are loaded when first used, so ``import holter`` alone
costs next to nothing and loads no torch:

    simulate(study, out, ...)   run a study in one process; returns a Run
    evaluate(run, file)         a run's model on other people
    load_run(path)              a run folder as a Run
    Run                         result, journal, table; shows itself in a notebook
    UserError                   whatever its reader can mend; the message says how
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holter.cli.version import VERSION

if TYPE_CHECKING:
    from holter.cli.calls import Run, UserError, evaluate, load_run, simulate

__version__ = VERSION
__all__ = ["Run", "UserError", "__version__", "evaluate", "load_run", "simulate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from holter.cli import calls

        return getattr(calls, name)
    raise AttributeError(f"module 'holter' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
