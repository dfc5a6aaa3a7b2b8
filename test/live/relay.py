# SPDX-License-Identifier: ISC
"""Herald hands mail on: to another herald, to Postfix and Exim, to Dovecot by LMTP, and to servers that misbehave."""
from lab import mail, process, servers, smtpd
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble

ALL = ((mail.text, 'text'), (mail.eight_bit, 'eight-bit'), (mail.dots, 'dots'), (mail.attachment, 'attachment'))


def route(via, more=''):
    return f'route "*" {{ via = "{via}"; {more} }}'


def relay(where, via, **settings):
    """A herald that has no domain of its own for what is sent through it."""
    return servers.Herald(where / 'first', extra=route(via), domains='["sender.test"]', **settings)


def submit(server, message, *recipients, sender='sender@sender.test'):
    with Dialogue(server.port, 30) as client:
        client.greet()
        client.message(b''.join(b'.' + line if line.startswith(b'.') else line for line in message.splitlines(True)),
                       250, sender=sender, recipients=recipients or ('alice@example.test',))


def bounce(server, seconds=15):
    """The report that came back to the sender."""
    return process.until(lambda: mail.read(server.maildir('sender', 'sender.test')), seconds, 'no report comes back')[0]


def checked_bounce(server, recipient, status):
    report = bounce(server)
    for words in (b'Return-Path: <>', b'multipart/report', b'message/delivery-status', b'Action: failed',
                  b'Final-Recipient: rfc822;', recipient.encode(), b'Status: ' + status.encode()):
        if words.lower() not in report.lower():
            raise Trouble(f'{words!r} is not in the report:\n{report.decode(errors="replace")[:3000]}')
    return report


@case('a second herald: text, 8-bit, dots and 5 MB arrive octet for octet')
def second(where):
    with servers.Herald(where / 'second') as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        far.ready()
        near.ready()
        for make, name in ALL:
            submit(near, make(name))
        for make, name in ALL:
            mail.same(mail.arrival(far.maildir(), name), make(name))


@case('a second herald under load: all arrive, none twice')
def second_loaded(where):
    with servers.Herald(where / 'second') as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        far.ready()
        near.ready()
        counted = process.load(near.port, c=50, m=20, i=where / 'ids')
        if counted['accepted'] != 1000:
            raise Trouble(f'{counted}')
        mail.all_arrived(far.maildir(), (where / 'ids').read_text().split(), 60)


@case('Postfix as the next server')
def postfix(where):
    (where / 'far').mkdir()
    with servers.Postfix(where / 'far', message_size_limit='20000000') as far:
        far.ready()
        with relay(where, f'smtp://127.0.0.1:{far.port}') as near:
            near.ready()
            for make, name in ALL:
                submit(near, make(name))
            for make, name in ALL:
                stored = mail.arrival(far.maildir(), name)
                if not stored.endswith(mail.as_file(make(name))):
                    raise Trouble(f'{name} was changed on its way')


@case('Exim as the next server')
def exim(where):
    (where / 'far').mkdir()
    with servers.Exim(where / 'far') as far:
        far.ready()
        with relay(where, f'smtp://127.0.0.1:{far.port}') as near:
            near.ready()
            for make, name in ALL:
                submit(near, make(name))
            process.until(lambda: len(far.queued('-H')) == len(ALL), 15, 'not all messages reach Exim')
            bodies = {path.read_bytes().partition(b'\n')[2] for path in far.queued()}
            wanted = {mail.as_file(make(name)).partition(b'\n\n')[2] for make, name in ALL}
            if bodies != wanted:
                raise Trouble(f'bodies of {sorted(map(len, bodies))} octets, wanted {sorted(map(len, wanted))}')


@case('500 recipients go out in one transaction or a few, each once')
def recipients(where):
    with smtpd.Server() as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        everyone = [f'user{number}@example.test' for number in range(500)]
        submit(near, mail.text('many'), *everyone)
        process.until(lambda: sum(len(to) for _, to, _ in far.messages) >= 500, 15, 'not all recipients are sent')
        sent = sorted(address for _, to, _ in far.messages for address in to)
        if sent != sorted(everyone) or len(far.messages) > 10:
            raise Trouble(f'{len(sent)} recipients in {len(far.messages)} messages')


@case('it greets with its own name, and pipelines')
def greeting(where):
    with smtpd.Server() as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('greeting'))
        process.until(lambda: far.messages, 10, 'nothing comes')
        if far.commands[0] != 'EHLO mx.herald.test':
            raise Trouble(f'it said {far.commands[0]!r}')


@case('one connection carries many messages')
def reuse(where):
    with smtpd.Server() as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        process.load(near.port, c=1, m=200)
        process.until(lambda: len(far.messages) == 200, 30, f'{len(far.messages)} of 200 messages came')
        if far.sessions > 60:
            raise Trouble(f'{far.sessions} sessions for 200 messages')


@case('5xx to a recipient: a report comes back, the others get the message')
def refused(where):
    with smtpd.Server({'RCPT bob@example.test': '550-5.1.1 no such user\r\n550 5.1.1 here'}) as far, \
            relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('refused'), 'alice@example.test', 'bob@example.test')
        report = checked_bounce(near, 'bob@example.test', '5.1.1')
        if b'no such user' not in report or b'alice@example.test' in report.partition(b'message/rfc822')[0].replace(
                b'To: alice@example.test', b''):
            raise Trouble(f'the report is wrong:\n{report.decode(errors="replace")[:3000]}')
        process.until(lambda: far.messages, 10, 'the other gets nothing')
        if [to for _, to, _ in far.messages] != [['alice@example.test']]:
            raise Trouble(f'delivered to {far.messages}')


@case('5xx after the data: a report comes back')
def refused_after_data(where):
    with smtpd.Server({'dot': '554 5.6.0 not this'}) as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('refused'))
        checked_bounce(near, 'alice@example.test', '5.6.0')


@case('no report about a report')
def no_bounce_of_bounce(where):
    with smtpd.Server({'RCPT': '550 5.1.1 no'}) as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('null'), sender='')
        near.events('delivery.failed')
        process.until(lambda: 'null' not in near.command('queue', 'list').stdout, 20, 'it stays in the queue')
        if [command[:12] for command in far.commands if command.startswith('MAIL')] != ['MAIL FROM:<>']:
            raise Trouble(f'it sent more: {far.commands}')


@case('4xx: deferred with its reason, delivered at the next try')
def deferred(where):
    with smtpd.Server({'RCPT': ['451 4.7.1 come back later', '250 2.1.5 fine']}) as far, \
            relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('deferred'))
        near.events('delivery.deferred')
        near.queue_says('come back later')
        near.command('queue', 'retry', '--to', 'example.test')
        process.until(lambda: far.messages, 10, 'it is not sent again')


def later(where, answers):
    """Whatever the far side does, the message stays in the queue."""
    with smtpd.Server(answers) as far, relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('later'))
        near.events('delivery.deferred')
        near.queue_says('alice@example.test')


for WORDS, ANSWERS in (
        ('closes at once', {'banner': 'CLOSE'}), ('greets with 421', {'banner': '421 4.3.2 busy'}),
        ('closes after EHLO', {'EHLO': 'CLOSE'}), ('closes at the final dot', {'dot': 'CLOSE'}),
        ('answers 421 at MAIL', {'MAIL': '421 4.3.2 going down'}), ('talks nonsense', {'banner': 'SSH-2.0-x'}),
        ('sends a reply of a megabyte', {'EHLO': '250-' + 'x' * 1000000 + '\r\n250 fine'})):
    case(f'a server that {WORDS}: the message waits', ANSWERS)(later)


@case('a server that is not there: the message waits, and goes when it comes')
def absent(where):
    port = process.free_port()
    with relay(where, f'smtp://127.0.0.1:{port}') as near:
        near.ready()
        submit(near, mail.text('absent'))
        near.events('delivery.deferred')
        with smtpd.Server(port=port) as far:
            near.command('queue', 'retry', '--to', 'example.test')
            process.until(lambda: far.messages, 10, 'it is not sent')


@case('only HELO: a server without ESMTP gets the message')
def helo(where):
    with smtpd.Server({'EHLO': '502 5.5.1 not implemented'}) as far, \
            relay(where, f'smtp://127.0.0.1:{far.port}') as near:
        near.ready()
        submit(near, mail.text('helo'))
        process.until(lambda: far.messages, 10, 'it is not sent')


def dovecot(where, by_socket):
    (where / 'far').mkdir()
    with servers.Dovecot(where / 'far') as far:
        far.ready()
        place = f'lmtp:unix:{far.socket}' if by_socket else f'lmtp:127.0.0.1:{far.port}'
        with servers.Herald(where / 'first', mailbox=f'"{place}"') as near:
            near.ready()
            for make, name in ALL:
                submit(near, make(name))
            for make, name in ALL:
                stored = mail.arrival(far.mail / 'alice@example.test', name)
                if not stored.endswith(mail.as_file(make(name))):
                    raise Trouble(f'{name} was changed on its way')


case('Dovecot LMTP over a Unix socket', True)(dovecot)
case('Dovecot LMTP over TCP', False)(dovecot)
