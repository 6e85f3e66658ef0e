# SPDX-License-Identifier: Apache-2.0
"""The smallest TAP producer that does: @case("sentence") registers a function, main() runs all of them in order.

    from tap import case, main, skip, equal

    @case("ping answers")
    def _():
        equal(ask("ping")["ok"], True)

    main()

A case passes when it returns, fails when it raises, and is skipped (with the reason printed) when it calls skip().
`python3 x_test.py BINARY … --only WORD` runs the cases whose sentence contains WORD; "args" holds what is left of the command line.
Every case has a time limit (60 s, or @case("…", seconds=…)): a hang is a failure and never a hung test run.
@case("…", ahead=True) is for one that waits for time to pass: it begins in a thread of its own when the first case does.
"""
import signal
import sys
import threading
import time
import traceback

_cases = []


class Skip(Exception):
    pass


class Slow(BaseException):
    """The time limit. Not an Exception, so that a case that catches those cannot swallow it."""


def _command_line():
    rest = sys.argv[1:]
    only = None
    if "--only" in rest:
        at = rest.index("--only")
        only = rest[at + 1]
        del rest[at:at + 2]
    return rest, only


args, _only = _command_line()


class _Begun(threading.Thread):
    def __init__(self, function):
        super().__init__(daemon=True)
        self._function, self._failure = function, None
        self.start()

    def run(self):
        try:
            self._function()
        except Exception as failure:
            self._failure = failure

    def __call__(self):
        self.join()
        if self._failure:
            raise self._failure


def case(sentence, seconds=60, ahead=False):
    def register(function):
        _cases.append((sentence, function, seconds, ahead))
        return function
    return register


def skip(why):
    raise Skip(why)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what + ': ' if what else ''}got {got!r:.2000}, wanted {wanted!r:.2000}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r:.2000}")


def eventually(condition, seconds=10, what="the condition"):
    """Waits until condition() is true, with a deadline; returns what it returned. For what no event announces."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not become true within {seconds} s")
        time.sleep(0.01)
    return result


def _on_alarm(number, frame):
    raise Slow()


def _run(function, seconds):
    """Returns the TAP suffix: '' for a pass, '# SKIP …', or None after printing why it failed."""
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.alarm(seconds)
    try:
        function()
        return ""
    except Skip as reason:
        return f" # SKIP {reason}"
    except Slow:
        traceback_text = traceback.format_exc().replace("tap.Slow", f"took longer than {seconds} s")
    except Exception:
        traceback_text = traceback.format_exc()
    finally:
        signal.alarm(0)
    for line in traceback_text.splitlines():
        print("#", line)
    return None


def main():
    chosen = [c for c in _cases if _only is None or _only in c[0]]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    begun = {one: _Begun(one[1]) for one in chosen if one[3]}
    for number, one in enumerate(chosen, 1):
        sentence, function, seconds, _ = one
        suffix = _run(begun.get(one, function), seconds)
        failed += suffix is None
        print(f"{'not ok' if suffix is None else 'ok'} {number} - {sentence}{suffix or ''}", flush=True)
    sys.exit(1 if failed or not chosen else 0)
