# SPDX-License-Identifier: ISC
"""kill -9 in the middle of load: every message that was answered 250 arrives after the restart.

The load generator makes lost connections anew and sends a message whose answer it did not get under a new id, so an id
that arrives twice was delivered twice by herald. A crash may do that to what was under way, and to nothing else.
"""
import json
import pathlib
import random
import subprocess
import time

from lab import mail, process, servers
from lab.cases import case
from lab.process import Trouble

SESSIONS, MESSAGES = 20, 100


def names(family):
    """{pid: what it is} of herald's processes, supervisor first."""
    found = {}
    for pid in family:
        try:
            words = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        found[pid] = words.strip()
    return found


def wait_gone(pids, seconds=5):
    process.until(lambda: not any(pathlib.Path(f'/proc/{pid}').exists() for pid in pids), seconds,
                  'processes outlive their supervisor')


def strike(server, victim):
    """Kill one process (index in the family) or 'all'; start herald again where that is needed. Returns what died."""
    family = process.pids_of(server.child.pid)
    known = names(family)
    if victim == 'all':
        server.kill_all()
        what = 'all'
    else:
        pid = family[victim % len(family)]
        what = known.get(pid, '?')
        process.kill([pid])
    if victim == 'all' or victim % len(family) == 0:
        server.child.wait()
        wait_gone(family)
        server.start()
    return what


def of_processes(server):
    """What the log says of processes and of the store: the lines that mail does not bury."""
    lines = server.log.read_text(errors='replace').splitlines()
    return '\n'.join(line for line in lines if '"event":"process.' in line or '"event":"store.' in line)


def round_of(where, victim, again=False):
    """One load with a strike in its middle. again: strike a second time."""
    with servers.Herald(where) as server:
        server.ready()
        words = process.load_words(server.port, c=SESSIONS, m=MESSAGES, s=10240, k=True, i=where / 'ids', D=300)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as generator:
            time.sleep(random.uniform(0.02, 0.25))
            killed = [strike(server, victim)]
            if again:
                time.sleep(random.uniform(0.05, 0.3))
                killed.append(strike(server, victim))
            counted = json.loads(generator.communicate(timeout=330)[0])
        if not counted['in_time']:
            raise Trouble(f'after killing {killed} the load did not come to its end: {counted}; {of_processes(server)}')
        ids = (where / 'ids').read_text().split()
        if len(ids) != counted['accepted']:
            raise Trouble(f'{len(ids)} ids, {counted["accepted"]} accepted')
        twice = mail.all_arrived(server.maildir(), ids, 60, once=False)
        process.until(lambda: '@example.test' not in server.command('queue', 'list').stdout,
                      20, 'the queue is not empty')
        return {'killed': killed, 'accepted': len(ids), 'twice': twice, 'lost_connections': counted['lost']}


def one_round(where, victim):
    result = round_of(where, victim)
    print(f'     killed {result["killed"]}: {result["accepted"]} accepted and there, {result["twice"]} twice')


def each_child(where):
    """Every kind of process once."""
    with servers.Herald(where / 'probe') as server:
        server.ready()
        count = len(process.pids_of(server.child.pid))
    for victim in range(1, count):
        (where / str(victim)).mkdir()
        one_round(where / str(victim), victim)


case('kill -9 of all processes at once', 'all')(one_round)
case('kill -9 of the supervisor', 0)(one_round)
case('kill -9 of every other process, one after the other')(each_child)
