# SPDX-License-Identifier: ISC
"""Cases of the live tests: a decorator to declare them, and a runner to run them."""
import importlib
import os
import signal
import sys
import time
import traceback

from . import process
from .process import Skip, Trouble

DECLARED = []
CASE_SECONDS = 180


def case(words, *arguments, slow=False):
    """Declare a function as a case. It gets a folder of its own and `arguments`; Trouble or a failed assertion is a
    failure, Skip a case that this machine cannot try. slow: only with --long."""
    def declare(function):
        DECLARED.append((function.__module__.rpartition('.')[2], words, function, arguments, slow))
        return function
    return declare


class Shared:
    """Servers that several cases use, started when first asked for and stopped at the end."""
    servers, folders = {}, []

    @classmethod
    def get(cls, name, make):
        server = cls.servers.get(name)
        if server is None or not server.alive():
            where = process.folder(name)
            cls.folders.append(where)
            server = cls.servers[name] = make(where)
            server.ready()
        return server

    @classmethod
    def stop(cls):
        for server in cls.servers.values():
            server.stop()
        for where in cls.folders:
            process.remove(where)
        cls.servers, cls.folders = {}, []


def _too_long(*_):
    raise Trouble(f'takes longer than {CASE_SECONDS} s')


def run_one(function, arguments):
    """(verdict, explanation) of one case."""
    where = process.folder('case')
    keep = False
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(CASE_SECONDS)
    try:
        function(where, *arguments)
        return 'ok', ''
    except Skip as reason:
        return 'SKIP', str(reason)
    except (Trouble, AssertionError, OSError, ValueError, KeyError, IndexError) as fault:
        keep = bool(os.environ.get('KEEP'))
        place = traceback.extract_tb(fault.__traceback__)[-1]
        logs = ''.join(f'\n--- {path.name} of {path.parent.name}\n' + path.read_text(errors='replace')[-2500:]
                       for path in sorted(where.rglob('log')) if path.is_file())
        return 'FAIL', f'{type(fault).__name__}: {fault} ({place.name}, line {place.lineno}){logs}'
    finally:
        signal.alarm(0)
        if keep:
            print(f'     kept: {where}')
        else:
            process.remove(where)


def run(modules, only=None, long=False):
    """Run all declared cases of these modules, print a line for each and the closing line. Returns the exit code."""
    process.end_on_sigterm()
    for module in modules:
        importlib.import_module(module)
    counts = {'ok': 0, 'FAIL': 0, 'SKIP': 0}
    last = None
    try:
        for module, words, function, arguments, slow in DECLARED:
            name = f'{module}: {words}'
            if (only and only not in name) or (slow and not long):
                continue
            if module != last:
                Shared.stop()
                last = module
            begun = time.monotonic()
            verdict, explanation = run_one(function, arguments)
            counts[verdict] += 1
            print(f'{verdict:4} {name} ({time.monotonic() - begun:.1f} s)', flush=True)
            if explanation:
                print('\n'.join('     | ' + line for line in explanation.splitlines()), flush=True)
    finally:
        Shared.stop()
    skipped = f', {counts["SKIP"]} skipped' if counts['SKIP'] else ''
    print(f'{counts["ok"]} passed, {counts["FAIL"]} failed{skipped}')
    sys.stdout.flush()
    return 1 if counts['FAIL'] or not counts['ok'] else 0
