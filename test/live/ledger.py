# SPDX-License-Identifier: ISC
"""The recorded past: herald trace, a ledger that is lost or damaged, and its bounds."""
import json
import os
import pathlib
import shutil
import signal
import time

import dns
import tls
from greeting import GOOD, OWN, STRANGER, TO, ZONE, herald, said
from lab import mail, process
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble


def traced(server, *words, count=1):
    """The records that herald trace finds, as soon as there are so many."""
    def look():
        done = server.command('trace', '--json', *words, check=False)
        found = [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []
        return found if len(found) >= count else None
    return process.until(look, 20, f'herald trace {words} does not find {count}')


def notes(record, what):
    return [note for note in record['notes'] if note['what'] == what]


def refusal(client):
    """Greet as nobody may; returns the reference of the refusal."""
    client.ask(f'EHLO {OWN}', 250)
    client.ask('MAIL FROM:<bob@far.example>', 250)
    return client.ask(f'RCPT TO:<{TO}>', 550).split('Ref ')[1].split()[0]


def session_of(server, words):
    """The one record of a session that has ended."""
    def ended():
        found = [record for record in traced(server, *words) if record['kind'] == 'session']
        return found and found[0]
    return process.until(ended, 20, f'no session is found by {words}')


@case('a refusal is found by its reference while the client is still there, and all of it afterwards')
def reference(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            client.expect(220)
            client.ask('EHLO bad name', 501)
            ref = refusal(client)
            found = traced(server, ref, count=2)
            if [record['kind'] for record in found] != ['verdict', 'verdict']:
                raise Trouble(f'it finds {found}')
            client.ask('QUIT', 221)
        record = session_of(server, [ref.lower()])
        verdicts = [(note['action'], note['number'], note['text']) for note in notes(record, 'verdict')]
        if verdicts != [('refuse', 501, 'helo.syntax'), ('refuse', 550, 'helo.forged_local.server')]:
            raise Trouble(f'the verdicts are {verdicts}')
        if [note['text'] for note in notes(record, 'greeting')] != ['bad name', OWN]:
            raise Trouble(f'the greetings are {notes(record, "greeting")}')
        if record['client'] != STRANGER or ref not in [note['text'] for note in notes(record, 'reference')]:
            raise Trouble(f'it is {record}')
        if notes(record, 'facts')[0]['facts']['own_name'] != 'yes':
            raise Trouble(f'the facts are {notes(record, "facts")}')
        said_back = [note['text'] for note in notes(record, 'reply')]
        if not any(ref in text and OWN in text for text in said_back):
            raise Trouble(f'the replies are {said_back}')
        refused = server.events('session.refused')
        if refused[0]['greeting'] != 'bad name':
            raise Trouble(f'the log says {refused[0]}')
        shown = server.command('trace', ref).stdout
        if 'verdict     refuse 550 helo.forged_local.server' not in shown or '<bob@far.example>' not in shown:
            raise Trouble(f'it shows {shown}')
        for words in (['--client', STRANGER], ['--name', OWN.upper() + '.'], [record['session']]):
            if session_of(server, words)['session'] != record['session']:
                raise Trouble(f'{words} finds another session')


@case('a message is found by its id: its session, and what became of it')
def message(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=GOOD) as client:
            said(client, 'mail.far.example')
            name = client.message(mail.text('traced'), 250, sender='bob@far.example').split()[-1]
        mail.arrival(server.maildir(), 'traced')
        found = traced(server, name, count=2)
        kinds = {record['kind']: record for record in found}
        delivery = kinds['delivery']
        if notes(delivery, 'state')[0]['state'] != 'delivered' or delivery['session'] != kinds['session']['session']:
            raise Trouble(f'the delivery is {delivery}')
        if notes(kinds['session'], 'host')[0]['text'] != 'mail.far.example':
            raise Trouble(f'the session is {kinds["session"]}')
        none = server.command('trace', 'ZZZZZZZ', check=False)
        if none.returncode != 65 or 'no refusal' not in none.stderr:
            raise Trouble(f'an unknown reference: {none}')


def ledger_of(server):
    return server.data / 'ledger'


def garble(server):
    for path in ledger_of(server).iterdir():
        path.write_bytes(os.urandom(max(path.stat().st_size, 5000)))


def cut(server):
    for path in ledger_of(server).iterdir():
        os.truncate(path, 10)


def remove_files(server):
    for path in ledger_of(server).iterdir():
        path.unlink()


def remove_all(server):
    shutil.rmtree(ledger_of(server))


def goes_on(server, name):
    with Dialogue(server.port, source=STRANGER) as client:
        client.expect(220)
        ref = refusal(client)
        client.ask('EHLO mail.far.example', 250)
        client.message(mail.text(name), 250, sender='bob@far.example')
    mail.arrival(server.maildir(), name)
    return ref


def spoilt(where, spoil, traces):
    """Mail flows whatever is done to the ledger, while the server runs and at its start."""
    with dns.Server(ZONE) as names:
        server = herald(where, names)
        with server:
            server.ready()
            traced(server, goes_on(server, 'before'))
            spoil(server)
            ref = goes_on(server, 'while it runs')
            if traces:
                traced(server, ref)
            else:
                process.until(ledger_of(server).exists, 15, 'it is not made again')
                server.events('server.ready', 2)
                traced(server, goes_on(server, 'into the new one'))
            if ledger_of(server).exists():
                spoil(server)
            if server.final_events('process.restarted'):
                raise Trouble('a process died of it')
        with server:
            server.ready()
            traced(server, goes_on(server, 'at the start'))


case('the ledger is written over', garble, True)(spoilt)
case('the ledger is cut off', cut, True)(spoilt)
case("the ledger's files are removed", remove_files, True)(spoilt)
case("the ledger's directory is removed", remove_all, False)(spoilt)


@case('a file in the place of the ledger is moved aside')
def in_the_way(where):
    with dns.Server(ZONE) as names:
        server = herald(where, names)
        server.data.mkdir(parents=True)
        ledger_of(server).write_text('not a directory')
        with server:
            server.ready()
            traced(server, goes_on(server, 'aside'))
        if not list(server.data.glob('ledger.damaged-*')):
            raise Trouble('it is not kept')


@case('kill -9 of the queue process: what was committed is traced, and what comes after')
def killed(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        first = goes_on(server, 'first')
        traced(server, first)
        process.kill(pid for pid in process.pids_of(server.child.pid)
                     if 'queue' in pathlib.Path(f'/proc/{pid}/comm').read_text())
        server.events('process.restarted')
        second = goes_on(server, 'second')
        traced(server, second)
        traced(server, first)


@case('an exemption is counted, and so is one that nobody used')
def exemptions(where):
    policy = (f'exempt = [ {{ client = "{STRANGER}"; check = "helo.forged_local"; reason = "our farm"; }}, '
              '{ client = "203.0.113.0/24"; reason = "nobody"; } ];')
    with dns.Server(ZONE) as names, herald(where, names, policy) as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            said(client, OWN)
            client.message(mail.text('exempt'), 250, sender='bob@far.example')

        def used():
            rows = [json.loads(line) for line in server.command('trace', '--exemptions', '--json').stdout.splitlines()]
            return rows if rows[0]['times'] else None
        rows = process.until(used, 5, 'it is not counted')
        if [row['times'] for row in rows] != [1, 0] or 'our farm' not in rows[0]['exemption']:
            raise Trouble(f'they are {rows}')
        if 'our farm' not in server.events('greeting.judged')[0]['exemption']:
            raise Trouble('the log does not say it')


@case('many names from one address in an hour are noted, and what was seen before is a fact')
def history(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        for number in range(12):
            with Dialogue(server.port, source=STRANGER) as client:
                said(client, f'name{number}.example')
                client.ask('QUIT', 221)
        traced(server, '--client', STRANGER, count=12)

        def judged_with_history():
            """The server does not wait long for what it knows of a client: a busy machine may take several."""
            with Dialogue(server.port, source=STRANGER) as client:
                said(client, 'name11.example')
                name = client.message(mail.text('history'), 250, sender='bob@far.example').split()[-1]
            last = server.events_of_message('greeting.judged', name)[-1]
            return last if 'helo.changes' in last['findings'] else None
        judged = process.until(judged_with_history, 60, 'many names are not noted')
        if judged['verdict'] != 'accept':
            raise Trouble(f'the log says {judged}')
        past = notes(session_of(server, [judged['session']]), 'facts')[0]['facts']['history']
        if past['times'] < 1 or (past['names_hour'], past['networks']) != (12, 1):
            raise Trouble(f'the history is {past}')


@case('who talks before the banner is noted')
def early(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        # The server is stopped while the client connects and talks: so it is early for certain.
        family = process.pids_of(server.child.pid)
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            client = Dialogue(server.port, source=GOOD)
            client.send('EHLO mail.far.example\r\n')
        finally:
            for pid in family:
                os.kill(pid, signal.SIGCONT)
        with client:
            client.expect(220)
            client.expect(250)
            client.message(mail.text('early'), 250, sender='bob@far.example')
        judged = server.final_events('greeting.judged')[-1]
        if 'helo.early' not in judged['findings'] or judged['verdict'] != 'accept':
            raise Trouble(f'the log says {judged}')


@case('the ledger keeps within its size: the oldest goes')
def bounded(where):
    with dns.Server(ZONE) as names:
        server = herald(where, names)
        server.extra += ' ledger { size = 4M; }'
        server.write_conf()
        ledger_of(server).mkdir(parents=True)
        for number in range(1, 9):
            (ledger_of(server) / f'000000000000{number}.ledger').write_bytes(os.urandom(1 << 20))

        def within():
            goes_on(server, f'bounded {time.monotonic()}')
            return sum(path.stat().st_size for path in ledger_of(server).iterdir()) <= 4 << 20
        with server:
            server.ready()
            traced(server, goes_on(server, 'bounded'))
            process.until(within, 10, 'it takes more room than it may')


@case('the record of a session under TLS says so, and has the greetings before and after')
def secured(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=GOOD) as client:
            said(client, 'before.example')
            tls.starttls(client)
            client.ask('EHLO mail.far.example', 250)
            client.message(mail.text('secured'), 250, sender='bob@far.example')
        record = session_of(server, ['--name', 'before.example'])
        if [note['text'] for note in notes(record, 'greeting')] != ['before.example', 'mail.far.example']:
            raise Trouble(f'the greetings are {notes(record, "greeting")}')
        if not notes(record, 'tls')[0]['text'].startswith('TLSv1.3 TLS_') or record['flags']:
            raise Trouble(f'it is {record}')
