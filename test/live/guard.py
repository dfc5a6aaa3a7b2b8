# SPDX-License-Identifier: ISC
"""herald guard: real Postfix, Sendmail and Exim refuse and accept what herald itself would; and what it is alone."""
import contextlib
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import types

import dns
import ledger
from lab import foreign, mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'greeting'))
import others  # noqa: E402  pylint: disable=wrong-import-position

OWN = 'mx.herald.test'
GOOD, STRANGER, SILENT = '192.0.2.7', '192.0.2.8', '192.0.2.9'
ZONE = {
    (OWN, 'A'): ['198.51.100.1'], ('7.2.0.192.in-addr.arpa', 'PTR'): ['mail.far.example'],
    ('mail.far.example', 'A'): [GOOD], ('far.example', 'TXT'): ['v=spf1 ip4:192.0.2.7 -all'],
    ('9.2.0.192.in-addr.arpa', 'PTR'): 'TIMEOUT',
}
RESULTS = ('iprev=pass', '(mail.far.example)', 'spf=pass smtp.mailfrom=bob@far.example')


def same(_where, name, policy):
    server = name.partition(' ')[0]
    if server != 'herald':
        servers.peer(server)  # where it is to be asked there is no way to have it
    asked, wrong = others.differences(policy, name)
    if wrong or asked < 240:
        raise Trouble(f'{asked} greetings, otherwise than herald judge:\n' + '\n'.join(wrong))


case('herald itself, live, accepts and refuses what herald judge says', 'herald', 'standard')(same)
case('Postfix with the guard as policy service: the same', 'postfix policy', 'standard')(same)
case('Postfix with the guard as policy service, strict: the same', 'postfix policy', 'strict')(same)
case('Postfix with the guard as milter: the same', 'postfix milter', 'standard')(same)
case('Postfix with the guard as milter, strict: the same', 'postfix milter', 'strict')(same)
case('Sendmail with the guard as milter: the same', 'sendmail milter', 'standard')(same)
case('Exim with the guard by readsocket: the same', 'exim guard', 'standard')(same)
case('Exim with the guard by readsocket, strict: the same', 'exim guard', 'strict')(same)


def guard(where, names, policy='', header='on', timeout='20s'):
    settings = (f'hostname = "{OWN}";\ndomains = ["example.test"];\ngreeting {{ {policy} }}\n'
                f'dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = {timeout}; }}\nlog {{ format = json; }}\n')
    return foreign.Guard(where / 'guard', settings, header)


def postfix(where, asked, protocol):
    settings = foreign.documented_postfix(f'postfix-{protocol}', getattr(asked, protocol))
    (where / 'postfix').mkdir()
    settings['smtpd_relay_restrictions'] = 'reject_unauth_destination'
    return servers.Postfix(where / 'postfix', smtpd_authorized_xclient_hosts='127.0.0.1', **settings)


def become(client, address, login=''):
    """Postfix is told that this session is another client's."""
    client.expect(220)
    client.ask('EHLO proxy.example', 250)
    client.ask(f'XCLIENT ADDR={address}' + (f' LOGIN={login}' if login else ''), 220)


def header(where, protocol):
    with dns.Server(ZONE) as names, guard(where, names) as asked, postfix(where, asked, protocol) as server:
        asked.ready()
        server.ready()
        with Dialogue(server.port) as client:
            become(client, GOOD)
            client.ask('EHLO mail.far.example', 250)
            client.ask('MAIL FROM:<bob@far.example>', 250)
            client.ask('RCPT TO:<alice@example.test>', 250)
            client.ask('RCPT TO:<alice@example.test>', 250)
            client.ask('DATA', 354)
            client.send(mail.text('field') + b'.\r\n')
            client.expect(250)
        message = mail.arrival(server.maildir(), 'field')
        field = mail.field(message, 'Authentication-Results') or ''
        if any(words not in field for words in (OWN, *RESULTS)) or message.count(b'Authentication-Results:') != 1:
            raise Trouble(f'the message is: {message}')


case('the policy service gives each message one Authentication-Results field', 'policy')(header)
case('the milter gives each message one Authentication-Results field', 'milter')(header)


def login(where, protocol):
    with dns.Server(ZONE) as names, guard(where, names) as asked, postfix(where, asked, protocol) as server:
        asked.ready()
        server.ready()
        for name, code in (('', 550), ('joe', 250)):
            with Dialogue(server.port) as client:
                become(client, STRANGER, name)
                client.ask(f'EHLO {OWN}', 250)
                client.ask('MAIL FROM:<bob@far.example>', 250)
                client.ask('RCPT TO:<alice@example.test>', code)


case('who logged in may greet as he likes (policy)', 'policy')(login)
case('who logged in may greet as he likes (milter)', 'milter')(login)


def request(state, client=STRANGER, name=OWN, **more):
    lines = {'request': 'smtpd_access_policy', 'protocol_state': state, 'protocol_name': 'ESMTP',
             'client_address': client, 'helo_name': name, **more}
    return ''.join(f'{key}={value}\n' for key, value in lines.items()) + '\n'


def ask(port, text, seconds=60.0):
    """Send all, say no more, and read to the end."""
    with socket.create_connection(('127.0.0.1', port), timeout=seconds) as peer:
        peer.sendall(text if isinstance(text, bytes) else text.encode())
        with contextlib.suppress(OSError):  # the other side may have ended it already
            peer.shutdown(socket.SHUT_WR)
        answer = b''
        while octets := peer.recv(65536):
            answer += octets
        return answer.decode('latin-1')


def at(where, policy, wanted):
    """wanted: {state: beginning of the action}"""
    with dns.Server(ZONE) as names, guard(where, names, policy, 'off') as asked:
        asked.ready()
        for state, action in wanted.items():
            answer = ask(asked.policy, request(state))
            if not answer.startswith('action=' + action) or not answer.endswith('\n\n'):
                raise Trouble(f'{state}: {answer!r}')


case('refuse_at = rcpt: DUNNO before', 'refuse_at = rcpt;', {
    'CONNECT': 'DUNNO', 'EHLO': 'DUNNO', 'MAIL': 'DUNNO', 'RCPT': '550 5.7.1 ', 'DATA': '550', 'END-OF-MESSAGE': '550',
    'VRFY': 'DUNNO'})(at)
case('refuse_at = mail', 'refuse_at = mail;', {'EHLO': 'DUNNO', 'MAIL': '550', 'RCPT': '550'})(at)
case('refuse_at = helo', 'refuse_at = helo;', {'CONNECT': 'DUNNO', 'EHLO': '550', 'MAIL': '550'})(at)
case('policy = observe', 'policy = observe;', {'EHLO': 'DUNNO', 'RCPT': 'DUNNO', 'DATA': 'DUNNO'})(at)


@case('DNS that does not answer: deferred, and others are answered meanwhile; one log line each')
def slow(where):
    with dns.Server(ZONE) as names, guard(where, names, header='off', timeout='5s') as asked:
        asked.ready()
        with socket.create_connection(('127.0.0.1', asked.policy), timeout=60) as peer:
            peer.sendall(2 * request('RCPT', SILENT, instance='1').encode())
            quick = ask(asked.policy, request('RCPT', GOOD, 'mail.far.example'))
            if quick != 'action=DUNNO\n\n':
                raise Trouble(f'{quick!r}')
            lines = peer.makefile('rb')
            said = [lines.readline() + lines.readline() for _ in range(2)]
        if any(not answer.startswith(b'action=451 4.4.3 ') for answer in said):
            raise Trouble(f'{said}')
        judged = [event['verdict'] for event in asked.final_events('greeting.judged')]
        if judged != ['accept', 'defer']:
            raise Trouble(f'the log says: {judged}')


@case('one connection, many clients: each is judged for itself, each message once; what is trusted is not told')
def mixed(where):
    moved = '192.0.2.10'
    zone = {**ZONE, (OWN, 'A'): [GOOD], ('example.test', 'A'): [moved], ('example.test', 'MX'): ['10 mx.far.example'],
            ('mx.far.example', 'A'): [moved]}
    asks = [('DUNNO', GOOD, OWN, '1'), ('550', STRANGER, OWN, '1'), ('550', STRANGER, OWN, '1'),
            ('550', STRANGER, OWN, '2'), ('DUNNO', GOOD, OWN, '3'), ('DUNNO', '127.0.0.1', OWN, '4'),
            ('DUNNO', STRANGER, '', '5'), ('DUNNO', moved, 'example.test', '6')]
    with dns.Server(zone) as names, guard(where, names, header='off') as asked:
        asked.ready()
        said = ask(asked.policy, ''.join(request('RCPT', client, name, instance=message)
                                         for _, client, name, message in asks)).split('\n\n')
        if [answer.removeprefix('action=').split(' ')[0] for answer in said[:-1]] != [wanted for wanted, *_ in asks]:
            raise Trouble(f'it says {said}')
        told = [GOOD, STRANGER, STRANGER, GOOD, moved]
        if asked.events('table.stale')[0]['name'] != 'example.test':
            raise Trouble('another entry is stale')
        judged = asked.final_events('greeting.judged')
        if [event['client'] for event in judged] != told:
            raise Trouble(f'the log says: {judged}')


@case('a milter client that greets with another name: helo.changes is found')
def changes(where):
    with dns.Server(ZONE) as names, guard(where, names) as asked:
        asked.ready()
        with socket.create_connection(('127.0.0.1', asked.milter), timeout=60) as milter:
            exchange(milter, b'O' + struct.pack('>III', 6, 0x1ff, 0x1fffff), b'O')
            exchange(milter, b'Chost\0004\0\x19' + GOOD.encode() + b'\0', b'c')
            for name in (b'one.far.example', b'mail.far.example'):
                exchange(milter, b'H' + name + b'\0', b'c')
            exchange(milter, b'M<>\0', b'c')
            exchange(milter, b'R<alice@example.test>\0', b'c')
        judged = asked.events('greeting.judged')
        if 'helo.changes' not in judged[0]['findings']:
            raise Trouble(f'the log says: {judged}')


@case('limits.sessions bounds the connections: the next one is closed')
def crowded(where):
    def answered():
        """A connection that is served, None when it was closed."""
        peer = socket.create_connection(('127.0.0.1', asked.policy), timeout=60)
        with contextlib.suppress(ConnectionError):
            peer.sendall(request('RCPT', GOOD, 'mail.far.example').encode())
            if peer.recv(4096).startswith(b'action=DUNNO'):
                return peer
        peer.close()
        return None

    with dns.Server(ZONE) as names, guard(where, names, header='off') as asked:
        asked.conf.write_text(asked.conf.read_text() + 'limits { sessions = 2; }\n')
        asked.ready()
        served = [process.until(answered, 10, 'it does not answer') for _ in range(2)]
        if answered():
            raise Trouble('a third connection is served')
        served.pop().close()
        process.until(answered, 10, 'it does not answer again').close()
        served.pop().close()


@case('octets of no protocol: the connection ends, the others go on')
def broken(where):
    with dns.Server(ZONE) as names, guard(where, names) as asked:
        asked.ready()
        with socket.create_connection(('127.0.0.1', asked.policy), timeout=60) as idle:
            for port in (asked.policy, asked.milter, asked.exim):
                for octets in (b'GET / HTTP/1.0\r\n\r\n', b'\0' * 100000, b'x' * 1000000, b'\xff\xff\xff\xffO'):
                    try:
                        answer = ask(port, octets)
                    except ConnectionError:
                        answer = ''
                    if answer:
                        raise Trouble(f'{octets[:20]!r}: {answer!r}')
            idle.sendall(request('RCPT', GOOD, 'mail.far.example', instance='1').encode())
            if not idle.recv(65536).startswith(b'action=PREPEND Authentication-Results: '):
                raise Trouble('the idle connection is lost')
        for name in ('policy', 'milter', 'exim'):
            asked.events('guard.broken', listener=name)
        if asked.final_events('process.restarted'):
            raise Trouble('the process died')


@case('many requests in one go: each has its answer, however slowly they are taken')
def many(where):
    with dns.Server(ZONE) as names, guard(where, names, header='off') as asked:
        asked.ready()
        with socket.create_connection(('127.0.0.1', asked.policy), timeout=60) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            text = request('RCPT').encode() * 500
            sender = subprocess.Popen([sys.executable, '-c', 'import os,sys; d=sys.stdin.buffer.read();\n'
                                       'while d: d = d[os.write(1, d):]'], stdin=subprocess.PIPE, stdout=peer.fileno())
            sender.stdin.write(text)
            sender.stdin.close()
            time.sleep(0.5)
            lines = peer.makefile('rb')
            said = [lines.readline() + lines.readline() for _ in range(500)]
            sender.wait()
        if len(set(said)) != 1 or not said[0].startswith(b'action=550 5.7.1 '):
            raise Trouble(f'{len(set(said))} kinds of answers: {said[:2]}')


@case('a Unix socket that any account may use; a reload keeps a milter session; kill -9 is mended')
def life(where):
    with dns.Server(ZONE) as names, guard(where, names) as asked:
        path = where / 'guard.sock'
        block = f'guard "unix" {{ address = "unix:{path}"; protocol = exim; }}\n'
        asked.conf.write_text(asked.conf.read_text() + block)
        asked.ready()
        if path.stat().st_mode & 0o777 != 0o666:
            raise Trouble(f'its mode is {path.stat().st_mode:o}')
        with socket.create_connection(('127.0.0.1', asked.milter), timeout=60) as milter:
            exchange(milter, b'O' + struct.pack('>III', 6, 0x1ff, 0x1fffff), b'O')
            exchange(milter, b'Chost\0004\0\x19' + STRANGER.encode() + b'\0', b'c')
            asked.child.send_signal(signal.SIGHUP)
            asked.events('config.loaded', 2)
            exchange(milter, b'H' + OWN.encode() + b'\0', b'c')
            exchange(milter, b'M<>\0', b'c')
            exchange(milter, b'R<alice@example.test>\0', b'y')
        before = [pid for pid in process.pids_of(asked.child.pid)[1:] if 'guard' in process_name(pid)]
        process.kill(before)
        asked.events('process.restarted')
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(60)
            peer.connect(str(path))
            peer.sendall(f'judge {STRANGER} ehlo - rcpt {OWN}\n'.encode())
            if not peer.recv(4096).startswith(b'deny 550 5.7.1 '):
                raise Trouble('not as before')
        if asked.stop() != 0:
            raise Trouble('it does not end well')


def process_name(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/cmdline').read_text(encoding='utf-8')
    except OSError:
        return ''


def exchange(peer, packet, wanted):
    """One milter packet and its reply."""
    peer.sendall(struct.pack('>I', len(packet)) + packet)
    head = peer.recv(4, socket.MSG_WAITALL)
    reply = peer.recv(struct.unpack('>I', head)[0], socket.MSG_WAITALL)
    if reply[:1] != wanted:
        raise Trouble(f'{packet!r}: {reply!r}')


@case('without a guard block there is nothing to do: 78')
def nothing(where):
    conf = where / 'herald.conf'
    conf.write_text(f'hostname = "{OWN}";\n')
    done = subprocess.run([servers.herald_path(), 'guard', '-c', conf], capture_output=True, text=True, check=False)
    if done.returncode != 78 or 'there is no guard' not in done.stderr:
        raise Trouble(f'{done.returncode}: {done.stderr}')


@case('herald serve with a guard block: both, with one judge')
def both(where):
    port = process.free_port()
    with dns.Server(ZONE) as names:
        extra = (f'guard "exim" {{ address = "127.0.0.1:{port}"; protocol = exim; }} '
                 f'dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = 20s; }}')
        with servers.Herald(where / 'herald', extra=extra) as server:
            server.ready()
            if not ask(port, f'judge {STRANGER} ehlo - rcpt {OWN}\n').startswith('deny 550 '):
                raise Trouble('it does not refuse')
            with Dialogue(server.port) as client:
                client.greet()


def serving(where, names, port, protocol):
    """herald serve with a guard: it has a ledger."""
    return servers.Herald(where / 'herald', extra=(
        f'guard "asked" {{ address = "127.0.0.1:{port}"; protocol = {protocol}; }} '
        f'dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = 20s; }}'))


def reference_of(reply):
    """What stands behind "Ref" in a refusal."""
    if 'Ref ' not in reply:
        raise Trouble(f'no reference in {reply!r}')
    return reply.split('Ref ', 1)[1].split()[0].strip('.;')


def followed(server, ref, sender=''):
    """The record that the reference leads to says all that the other server told."""
    found = ledger.traced(server, ref)
    told = {note['what']: note for note in found[0]['notes']}
    if len(found) != 1 or found[0]['client'] != STRANGER or told['greeting']['text'] != OWN or \
            told['verdict']['text'] != 'helo.forged_local.server' or ref not in told['reply']['text'] or \
            told['facts']['facts']['own_name'] != 'yes' or told['listener']['text'] != 'asked':
        raise Trouble(f'it leads to {found}')
    server.events('greeting.judged', reference=ref)
    shown = server.command('trace', ref).stdout
    if 'verdict     refuse 550 helo.forged_local.server' not in shown or sender not in shown:
        raise Trouble(f'it shows {shown}')


def follows(where, protocol):
    """A client of Postfix calls with the reference that Postfix spoke."""
    port = process.free_port()
    asked = types.SimpleNamespace(policy=port, milter=port)
    with dns.Server(ZONE) as names, serving(where, names, port, protocol) as server, \
            postfix(where, asked, protocol) as other:
        server.ready()
        other.ready()
        with Dialogue(other.port) as client:
            become(client, STRANGER)
            client.ask(f'EHLO {OWN}', 250)
            client.ask('MAIL FROM:<bob@far.example>', 250)
            refs = {reference_of(client.ask('RCPT TO:<alice@example.test>', 550)) for _ in range(2)}
        if len(refs) != 1:
            raise Trouble(f'one refusal has several references: {refs}')
        followed(server, refs.pop(), '<bob@far.example>')


case('herald trace follows a reference that Postfix spoke (policy)', 'policy')(follows)
case('herald trace follows a reference that Postfix spoke (milter)', 'milter')(follows)


@case('herald trace follows a reference that Exim was given; the past of guard and server is one')
def exim_follows(where):
    port = process.free_port()
    with dns.Server(ZONE) as names, serving(where, names, port, 'exim') as server:
        server.ready()
        followed(server, reference_of(ask(port, f'judge {STRANGER} ehlo - rcpt {OWN}\n')))

        def has_a_past():
            ask(port, f'judge {STRANGER} ehlo - rcpt other.example\n')
            facts = [ledger.notes(record, 'facts')[0]['facts'] for record in
                     ledger.traced(server, '--name', 'other.example')]
            return any(fact['history']['names_day'] >= 1 for fact in facts)
        process.until(has_a_past, 10, 'the guard does not know what was said before')


EXIM_ZONE = {
    (OWN, 'A'): ['198.51.100.1'], ('1.2.0.127.in-addr.arpa', 'PTR'): ['mail.far.example'],
    ('mail.far.example', 'A'): ['127.0.2.1'], ('far.example', 'TXT'): ['v=spf1 ip4:127.0.2.1 -all'],
}


def says(server, source, greeting, code, text=b''):
    """What it answers at RCPT to bob's message, which is sent when it is accepted and has a text."""
    with Dialogue(server.port, source=source) as client:
        client.expect(220)
        client.ask(f'EHLO {greeting}', 250)
        client.ask('MAIL FROM:<bob@far.example>', 250)
        said = client.ask('RCPT TO:<alice@example.test>', code)
        if text:
            client.ask('DATA', 354)
            client.send(text + b'.\r\n')
            client.expect(250)
        return said


WORLD = {'server': {'names': ['mx.other.test'], 'domains': ['example.test']}, 'trusted': ['192.0.2.99']}
WORDS = ('which is our own name', 'nothing in DNS ties that name', 'Give your mail software a host name of its own')


@case('Exim speaks the words, and tells the sender: herald trace shows it, a message gets one field')
def exim_whole(where):
    port = process.free_port()
    with dns.Server(EXIM_ZONE) as names, servers.Herald(where / 'herald', trusted='[]', extra=(
            f'guard "asked" {{ address = "127.0.0.1:{port}"; protocol = exim; header = on; }} '
            f'dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = 1s; }}')) as judge, \
            foreign.Exim(where / 'exim', WORLD, *foreign.Exim.guarded(port)) as server:
        judge.ready()
        server.ready()
        said = says(server, '127.0.2.2', OWN, 550)
        record = ledger.traced(judge, reference_of(said))[0]
        if [note['text'] for note in ledger.notes(record, 'sender')] != ['bob@far.example']:
            raise Trouble(f'it leads to {record}')
        if any(words not in said for words in WORDS):
            raise Trouble(f'it says {said}')
        says(server, '127.0.2.1', 'mail.far.example', 250, mail.text('field'))
        heads = process.until(lambda: list((where / 'exim/spool/input').rglob('*-H')), 10, 'nothing is queued')
        head = heads[0].read_text()
        fields = re.findall(r'^\d+ +(Authentication-Results:.*)$', head, re.M)
        if len(fields) != 1 or any(words not in fields[0] for words in (OWN, *RESULTS)):
            raise Trouble(f'the header is: {head}')


@case('herald guard alone has no ledger: its refusals give no reference that leads nowhere')
def alone(where):
    with dns.Server(ZONE) as names, guard(where, names, header='off') as asked:
        asked.ready()
        answer = ask(asked.policy, request('RCPT'))
        if not answer.startswith('action=550 5.7.1 You greeted us as') or 'Ref ' in answer:
            raise Trouble(f'{answer!r}')
