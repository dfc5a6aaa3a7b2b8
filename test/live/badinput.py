# SPDX-License-Identifier: ISC
"""Clients that do what they should not: each gets a clear answer, and the server goes on."""
import socket

from lab import mail, servers
from lab.cases import Shared, case
from lab.dialogue import Dialogue
from lab.process import Trouble


def server():
    return Shared.get('badinput', lambda where: servers.Herald(where, limits='message_size = 1M; recipients = 100;'))


def still_serves():
    with Dialogue(server().port) as client:
        client.greet()
        client.ask('QUIT', 221)


# what is said after EHLO, codes that may be answered ('' closes the connection), words of the case
COMMANDS = (
    (b'MAIL FROM:<a@b.example>\0\r\n', (500, 501), 'a NUL in a command'),
    (b'MAIL FROM:<a\x01b@b.example>\r\n', (501, 553), 'a control octet in an address'),
    (b'DATA\r\n', (503,), 'DATA before MAIL'),
    (b'RCPT TO:<alice@example.test>\r\n', (503,), 'RCPT before MAIL'),
    (b'MAIL FROM:<' + b'a' * 3000 + b'@b.example>\r\n', (500, 501), 'a command of 3,000 octets'),
    (b'MAIL FROM:<' + b'a' * 70 + b'@b.example>\r\n', (501, 553), 'a local part of 70 octets'),
    (b'MAIL FROM:<a@' + b'b' * 70 + b'.example>\r\n', (501, 553), 'a label of 70 octets'),
    (b'MAIL FROM:<a@b.example\r\n', (501,), 'an address without its end'),
    (b'MAIL FROM:<a@b.example> SIZE=99999999\r\n', (552,), 'a message that is announced too large'),
    (b'MAIL FROM:<a@b.example> SIZE=x\r\n', (501,), 'a SIZE that is no number'),
    (b'MAIL FROM:<a@b.example> COLOUR=red\r\n', (555, 501), 'an unknown parameter'),
    (b'WAT\r\n', (500,), 'an unknown command'),
    (b'\r\n', (500,), 'an empty line'),
    (b'\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n', (500, 501, 421, 554, ''), 'a TLS handshake'),
    (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', (500, 421, 554, ''), 'an HTTP request'),
)


def answered(_where, octets, codes):
    with Dialogue(server().port) as client:
        client.greet()
        client.send(octets)
        client.expect(*codes)
    still_serves()


for OCTETS, CODES, WORDS in COMMANDS:
    case(WORDS, OCTETS, CODES)(answered)


@case('MAIL before a greeting is refused with 503')
def ungreeted(_where):
    with Dialogue(server().port) as client:
        client.expect(220)
        client.ask('MAIL FROM:<a@b.example>', 503)


def bad_data(_where, octets, codes, sign):
    """The message is refused, and nothing after it is taken for a command."""
    with Dialogue(server().port) as client:
        client.greet()
        client.envelope()
        client.ask('DATA', 354)
        client.send(octets)
        client.send(b'\r\n.\r\n')
        client.expect(*codes)
        try:
            client.send('QUIT\r\n')
            while client.expect(500, 221, '').startswith('500'):
                pass  # what stands behind the end of the message is no command, or none that is known
        except OSError:
            pass
    if any(sign in message for message in after_next(sign.decode().replace(' ', '-'), 'smuggled')):
        raise Trouble('a message was smuggled in')


def after_next(name, user):
    """All that is in this user's Maildir when one more message has come there, behind any that came before."""
    with Dialogue(server().port) as client:
        client.greet()
        client.message(mail.text(name), 250, recipients=[f'{user}@example.test'])
    mail.arrival(server().maildir(user), name)
    return mail.read(server().maildir(user))


SMUGGLED = b'MAIL FROM:<x@y.example>%sRCPT TO:<smuggled@example.test>%sDATA%sSubject: smuggled %s\n%s.%s'
for NAME, END in (('LF.LF', b'\n.\n'), ('CRLF.LF', b'\r\n.\n'), ('LF.CRLF', b'\n.\r\n'), ('CR.CR', b'\r.\r'),
                  ('CRLF.CR', b'\r\n.\r'), ('CR.CRLF', b'\r.\r\n'), ('CRLF NUL.CRLF', b'\r\n\0.\r\n')):
    LINE = END.partition(b'.')[2]
    case(f'{NAME} does not end a message', b'Subject: x\r\n\r\nbody' + END + SMUGGLED % (
        LINE, LINE, LINE, NAME.encode(), LINE, LINE), (500, 550, 554, 552, 451, 521),
         b'smuggled ' + NAME.encode())(bad_data)


@case('a message that grows too large is refused with 552 after its end')
def too_large(_where):
    with Dialogue(server().port, 30) as client:
        client.greet()
        client.message(mail.attachment('too-large', 2 * 1024 * 1024), 552)
        client.message(mail.text('after-too-large'), 250)
    mail.arrival(server().maildir(), 'after-too-large')


@case('recipients beyond the limit get 452, those before get the message')
def too_many(_where):
    with Dialogue(server().port) as client:
        client.greet()
        client.ask('MAIL FROM:<a@b.example>', 250)
        codes = [client.ask(f'RCPT TO:<many{number}@example.test>', 250, 452)[:3] for number in range(110)]
        if codes != ['250'] * 100 + ['452'] * 10:
            raise Trouble(f'answers: {codes}')
        client.ask('DATA', 354)
        client.send(mail.text('too-many') + b'.\r\n')
        client.expect(250)
    mail.arrival(server().maildir('many99'), 'too-many')


@case('a session with too many errors is ended with 421')
def too_many_errors(_where):
    with Dialogue(server().port) as client:
        client.greet()
        for _ in range(200):
            client.send('WAT\r\n')
            if client.expect(500, 421).startswith('421'):
                break
        else:
            raise Trouble('200 unknown commands and no 421')
        if not client.ended():
            raise Trouble('421 and the session goes on')


@case('half a command, then close')
def half_command(_where):
    for octets in (b'', b'E', b'EHLO cli.test\r\nMAIL FR', b'EHLO cli.test\r\nMAIL FROM:<a@b.example>\r\nRCPT T'):
        for reset in (False, True):
            with Dialogue(server().port) as client:
                client.send(octets)
                if reset:
                    client.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
    still_serves()


@case('half a message, then close: it is not delivered')
def half_message(_where):
    with Dialogue(server().port) as client:
        client.greet()
        client.envelope('a@b.example', 'half@example.test')
        client.ask('DATA', 354)
        client.send(mail.text('half'))
    if len(after_next('whole', 'half')) != 1:
        raise Trouble('a message without its end was delivered')


@case('clients that never speak do not keep others out')
def silent(_where):
    clients = [Dialogue(server().port) for _ in range(100)]
    try:
        with Dialogue(server().port) as client:
            client.greet()
            client.message(mail.text('beside-silent'), 250)
        mail.arrival(server().maildir(), 'beside-silent')
    finally:
        for client in clients:
            client.__exit__()


@case('a client that never speaks is let go with 421')
def timeout(where):
    with servers.Herald(where, limits='command_timeout = 2s;') as own:
        own.ready()
        with Dialogue(own.port) as client:
            client.expect(220)
            client.expect(421)
        own.events('session.close')


@case('replies are read slowly: the others do not wait')
def slow_reader(_where):
    with Dialogue(server().port) as client:
        client.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.peer.settimeout(1)
        try:
            for _ in range(2000):
                client.send(b'HELP\r\n' * 50)
        except OSError:
            pass  # the server stops reading, or ends the session: both are fine
        still_serves()
