# SPDX-License-Identifier: ISC
"""Extensions of SMTP end to end: what is announced works, up to the Maildir."""
import smtplib

from lab import mail, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble


def herald(where, extra='', **settings):
    return servers.Herald(where, extra='greeting { policy = observe; } ' + extra, **settings)


def chunks(client, octets, size):
    """The message by BDAT, all in one write, as a client that pipelines does."""
    pieces = [octets[at:at + size] for at in range(0, len(octets), size)]
    client.send(b''.join(b'BDAT %d%s\r\n%s' % (len(piece), b' LAST' if piece is pieces[-1] else b'', piece)
                         for piece in pieces))
    for _ in pieces:
        client.expect(250)


@case('EHLO announces CHUNKING, BINARYMIME, DSN, SMTPUTF8, LIMITS; not REQUIRETLS in the clear')
def announced(where):
    with herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            words = {line[4:].split()[0] for line in client.greet().split('\r\n')[1:]}
    missing = {'PIPELINING', 'SIZE', '8BITMIME', 'ENHANCEDSTATUSCODES', 'CHUNKING', 'BINARYMIME', 'DSN', 'SMTPUTF8',
               'LIMITS'} - words
    if missing or 'REQUIRETLS' in words:
        raise Trouble(f'missing {missing}, announced {words}')


@case('BDAT: small, of one chunk, and of a megabyte in many, arrives as it was')
def bdat(where):
    sent = {'one': mail.text('one'), 'dots': mail.dots('dots'), 'many': mail.attachment('many', 1 << 20)}
    with herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            for message in sent.values():
                client.envelope()
                chunks(client, message, 60000)
        for name, message in sent.items():
            mail.same(mail.arrival(server.maildir(), name), message)


@case('BINARYMIME: any octet arrives in the Maildir as it was')
def binary(where):
    body = bytes(range(256)) * 40 + b'\r\n.\r\nQUIT\r\n\n.\n\r.\r\0'
    message = mail.make('binary', body, 'Content-Type: application/octet-stream\r\n'
                                        'Content-Transfer-Encoding: binary\r\n')
    with herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('MAIL FROM:<sender@client.example> BODY=BINARYMIME', 250)
            client.ask('RCPT TO:<alice@example.test>', 250)
            client.ask('DATA', 503)
            chunks(client, message, 999)
        if not mail.arrival(server.maildir(), 'binary').endswith(b'\n\n' + body):
            raise Trouble('the body was changed')


@case('BDAT: a refused message leaves the session in step, and the next one arrives')
def refused(where):
    with herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.envelope()
            client.send(b'BDAT 12\r\nbare\nQUIT\r\n\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\n')
            for code in (554, 503, 503):
                client.expect(code)
            client.ask('RSET', 250)
            client.envelope()
            chunks(client, mail.text('after'), 100)
        mail.arrival(server.maildir(), 'after')


@case('SMTPUTF8: Python smtplib sends to and from addresses in UTF-8; without asking it is 553')
def utf8(where):
    with herald(where) as server:
        server.ready()
        with smtplib.SMTP('127.0.0.1', server.port) as client:
            client.sendmail('jürgen@blåbær.example', ['josé@example.test'], mail.text('utf8'),
                            mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
        mail.arrival(server.maildir('jos%C3%A9'), 'utf8')
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('MAIL FROM:<jürgen@client.example>', 553)
            client.ask('MAIL FROM:<sender@client.example>', 250)
            client.ask('RCPT TO:<josé@example.test>', 553)


@case('DSN: ENVID, RET, NOTIFY and ORCPT are taken; encoded line ends are refused')
def dsn(where):
    with herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.ask('MAIL FROM:<sender@client.example> RET=HDRS ENVID=QQ+0D+0Aroot', 501)
            client.ask('MAIL FROM:<sender@client.example> RET=HDRS ENVID=QQ+2B1', 250)
            client.ask('RCPT TO:<alice@example.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;al+2Bx@example.test', 250)
            client.ask('RCPT TO:<eve@example.test> ORCPT=rfc822;eve+0D+0Aroot', 501)
            client.ask('DATA', 354)
            client.send(mail.text('dsn') + b'.\r\n')
            client.expect(250)
        mail.arrival(server.maildir(), 'dsn')


@case('an underscore in the EHLO name is taken and noted by default, 501 under strict')
def underscore(where):
    for policy, code in (('standard', 250), ('strict', 501)):
        with servers.Herald(where / policy, extra=f'greeting {{ policy = {policy}; }}', trusted='[]') as server:
            server.ready()
            with Dialogue(server.port) as client:
                client.expect(220)
                client.ask('EHLO bad_host.example', code)
