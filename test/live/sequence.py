# SPDX-License-Identifier: ISC
"""The greeting within a session: missing, said again after STARTTLS, and of somebody who logged in."""
import auth
import dns
import tls
from greeting import GOOD, OWN, STRANGER, TO, ZONE, herald, said
from lab import mail
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble
from ledger import notes, session_of, traced


def envelope(client, code):
    client.ask('MAIL FROM:<bob@far.example>', 250)
    return client.ask(f'RCPT TO:<{TO}>', code)


@case('mail without a greeting: 503 in the words of the page, a finding, and a reference that leads to it')
def missing(where):
    with dns.Server(ZONE) as names, herald(where, names, 'policy = observe; check "helo" = off;') as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            client.expect(220)
            reply = client.ask('MAIL FROM:<bob@far.example>', 503)
            if '503-5.5.1 Send EHLO first' not in reply or 'After STARTTLS' not in reply or 'Ref ' not in reply:
                raise Trouble(f'it says {reply!r}')
            ref = reply.split('Ref ')[1].split()[0]
            found = traced(server, ref)[0]
            again = client.ask(f'RCPT TO:<{TO}>', 503)
            if 'Send EHLO first' not in again or 'Ref ' in again:
                raise Trouble(f'the second time it says {again!r}')
            client.ask('EHLO stranger.example', 250)
            client.message(mail.text('greeted'), 250, sender='bob@far.example')
        verdict = notes(found, 'verdict')[0]
        if notes(found, 'finding')[0]['text'] != 'helo.sequence' or verdict['number'] != 503 or \
                found['client'] != STRANGER:
            raise Trouble(f'it leads to {found}')
        mail.arrival(server.maildir(), 'greeted')
        judged = server.final_events('greeting.judged')
        if [event['check'] for event in judged if 'check' in event] != ['helo.sequence'] or \
                judged[0]['stage'] != 'mail':
            raise Trouble(f'the log says {judged}')


@case('who greets before mail has no such finding')
def present(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=GOOD) as client:
            said(client, 'mail.far.example')
            client.message(mail.text('present'), 250, sender='bob@far.example')
        record = session_of(server, ['--name', 'mail.far.example'])
        judged = server.final_events('greeting.judged')
        if not judged or 'helo.sequence' in f'{record} {judged}':
            raise Trouble(f'the record is {record}, the log says {judged}')


@case('an honest name before STARTTLS does not help our own name after it')
def forged_after(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=STRANGER) as client:
            said(client, 'stranger.example')
            envelope(client, 250)
            client.ask('RSET', 250)
            tls.starttls(client)
            client.ask(f'EHLO {OWN}', 250)
            reply = envelope(client, 550)
            if OWN not in reply:
                raise Trouble(f'it says {reply!r}')
        causes = [event.get('check') for event in server.final_events('greeting.judged')]
        if causes != [None, 'helo.forged_local.server']:
            raise Trouble(f'the log says {causes}')


@case('our own name before STARTTLS, refused, does not hurt an honest name after it; none is in force meanwhile')
def honest_after(where):
    with dns.Server(ZONE) as names, herald(where, names) as server:
        server.ready()
        with Dialogue(server.port, source=GOOD) as client:
            said(client, OWN)
            envelope(client, 550)
            client.ask('RSET', 250)
            tls.starttls(client)
            if 'Send EHLO first' not in client.ask('MAIL FROM:<bob@far.example>', 503):
                raise Trouble('a greeting is in force that was said in the clear')
            client.ask('EHLO mail.far.example', 250)
            client.message(mail.text('honest'), 250, sender='bob@far.example')
        message = mail.arrival(server.maildir(), 'honest')
        results = mail.field(message, 'Authentication-Results') or ''
        if 'spf=pass smtp.helo=mail.far.example' not in results:
            raise Trouble(f'the message has {results!r}')


@case('who logs in may greet as he likes, also with our own name; the ledger has who it was')
def logged_in(where):
    with auth.Server(where, extra='greeting { policy = strict; }') as server:
        server.ready()
        with Dialogue(server.submission) as client:
            client.expect(220)
            client.ask(f'EHLO {OWN}', 250)
            tls.starttls(client)
            client.ask('EHLO bad name', 501)
            client.ask(f'EHLO {OWN}', 250)
            client.ask(f'MAIL FROM:<{auth.ALICE}>', 530)
            client.ask(auth.plain(), 235)
            auth.submit(client, auth.message('by-alice'), 250)
            client.ask('EHLO [127.0.0.1]', 250)
            auth.submit(client, auth.message('again-by-alice'), 250)
        mail.arrival(server.maildir('bob'), 'again-by-alice')
        record = session_of(server, ['--name', OWN])
        if [note['text'] for note in notes(record, 'user')] != [auth.ALICE] or \
                'authenticated' not in [note['text'] for note in notes(record, 'exempt')]:
            raise Trouble(f'the record is {record}')
        shown = server.command('trace', record['session']).stdout
        if f'user        {auth.ALICE}' not in shown:
            raise Trouble(f'it shows {shown}')
