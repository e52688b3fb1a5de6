"""What all visitors of a Space share, computed by the first who asks."""

import functools
import threading
from collections.abc import Callable
from typing import Any


def once(function: Callable) -> Callable:
    """Keeps what the function gives for each choice of positional arguments, which must be hashable.

    Others who ask for the same wait; whoever asks for something else, or for what is there already, does not. What
    raised is tried again by the next who asks. Its `forget()` forgets everything.
    """
    results: dict[tuple, Any] = {}
    turns: dict[tuple, threading.Lock] = {}

    @functools.wraps(function)
    def ask(*arguments: Any) -> Any:
        if arguments not in results:
            with turns.setdefault(arguments, threading.Lock()):
                try:
                    if arguments not in results:
                        results[arguments] = function(*arguments)
                finally:
                    turns.pop(arguments, None)
        return results[arguments]

    ask.forget = results.clear
    return ask
