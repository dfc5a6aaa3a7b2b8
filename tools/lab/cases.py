# SPDX-License-Identifier: ISC
"""Cases of the live tests: a decorator to declare them, and a runner to run them."""
import concurrent.futures
import importlib
import os
import re
import signal
import subprocess
import threading
import time
import traceback

from . import process
from .process import Skip, Trouble

DECLARED = []
CASE_SECONDS = 900
CLOSING = re.compile(r'^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\n', re.M)


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
    except Exception as fault:  # pylint: disable=broad-except
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


class _Apart:
    """Processes that run cases, and what they counted together."""

    def __init__(self):
        self.lock, self.children, self.over = threading.Lock(), [], False
        self.counts = {'ok': 0, 'FAIL': 0, 'SKIP': 0}

    def call(self, name, words):
        """One process to its end; what it says is printed when it is over."""
        with self.lock:
            if self.over:
                return
            child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     errors='replace')
            self.children.append(child)
        said, _ = child.communicate()
        closing = CLOSING.search(said)
        with self.lock:
            print(CLOSING.sub('', said), end='', flush=True)
            if not closing:
                print(f'FAIL {name}: ended with {child.returncode}', flush=True)
            for verdict, number in zip(self.counts, closing.groups() if closing else (0, 1, 0)):
                self.counts[verdict] += int(number or 0)

    def stop(self):
        with self.lock:
            self.over = True
            for child in self.children:
                child.terminate()


def run_apart(parts, jobs):
    """Run the commands of each {name: words}, so many at a time; the first one's are over before the second's begin.

    Returns the exit code."""
    process.end_on_sigterm()
    apart = _Apart()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for part in parts:
                for run_of in [pool.submit(apart.call, name, words) for name, words in part.items()]:
                    run_of.result()
        finally:
            apart.stop()
    return close(apart.counts)


def close(counts):
    """Print the closing line; returns the exit code."""
    skipped = f', {counts["SKIP"]} skipped' if counts['SKIP'] else ''
    print(f'{counts["ok"]} passed, {counts["FAIL"]} failed{skipped}', flush=True)
    return 1 if counts['FAIL'] or not counts['ok'] else 0


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
            # A module may use the functions of another: the cases of that one are not asked for here.
            if module not in modules or (only and only not in name) or (slow and not long):
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
    return close(counts)
