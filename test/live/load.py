# SPDX-License-Identifier: ISC
"""Many sessions at a time: all messages arrive, none twice; idle and slow clients do not harm others."""
import subprocess

from lab import mail, process, servers
from lab.cases import case
from lab.process import Trouble


def accepted(counted, wanted):
    if counted['accepted'] != wanted or counted['lost']:
        raise Trouble(f'{wanted} messages were to be accepted: {counted}')


def all_arrive(where, sessions, messages, *options):
    with servers.Herald(where) as server:
        server.ready()
        counted = process.load(server.port, c=sessions, m=messages, s=10240, i=where / 'ids', T='all',
                               **{option: True for option in options})
        accepted(counted, sessions * messages)
        mail.all_arrived(server.maildir(), (where / 'ids').read_text().split(), 60)


case('50 sessions of 20 messages: all arrive, none twice', 50, 20)(all_arrive)
case('50 pipelined sessions of 20 messages: all arrive, none twice', 50, 20, 'p')(all_arrive)
case('200 sessions of 100 messages: all arrive, none twice', 200, 100, slow=True)(all_arrive)


@case('200 recipients each, every one gets every message')
def many_recipients(where):
    with servers.Herald(where) as server:
        server.ready()
        counted = process.load(server.port, c=4, m=2, r=200, p=True, t='user#@example.test', i=where / 'ids')
        accepted(counted, 8)
        sent = (where / 'ids').read_text().split()
        for number in range(200):
            mail.all_arrived(server.maildir(f'user{number}'), sent, 30)


@case('messages of 1 MB from 10 sessions arrive whole')
def large(where):
    with servers.Herald(where) as server:
        server.ready()
        accepted(process.load(server.port, c=10, m=3, s=1024 * 1024, i=where / 'ids'), 30)
        mail.all_arrived(server.maildir(), (where / 'ids').read_text().split(), 30)
        sizes = {len(message) for message in mail.read(server.maildir())}
        if max(sizes) - min(sizes) > 200:
            raise Trouble(f'messages of the same size are stored with {sorted(sizes)} octets')


def undisturbed(where, count, *options):
    """Mail takes its usual time while others hold sessions open."""
    with servers.Herald(where) as server:
        server.ready()
        alone = process.load(server.port, c=5, m=40, T='alone')
        accepted(alone, 200)
        words = process.load_words(server.port, M='idle', c=count, D=300, **{option: True for option in options})
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as others:
            held = others.stdout.readline()
            if f'"held":{count},' not in held:
                raise Trouble(f'{count} sessions were to be held: {held}')
            for _ in range(5):  # this machine may have other work for a while: one good time shows it
                beside = process.load(server.port, c=5, m=40, T='beside')
                accepted(beside, 200)
                if beside['p50_ms'] <= 2 * alone['p50_ms'] + 20:
                    break
            others.communicate('')
        if beside['p50_ms'] > 2 * alone['p50_ms'] + 20:
            raise Trouble(f'p50 {alone["p50_ms"]} ms alone, {beside["p50_ms"]} ms beside {count} others')


case('mail flows beside 1000 idle sessions', 1000)(undisturbed)
case('mail flows beside 300 sessions of one octet a second', 300, 'o')(undisturbed)
case('mail flows beside 8000 idle sessions', 8000, slow=True)(undisturbed)
