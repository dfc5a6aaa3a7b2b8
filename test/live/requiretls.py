# SPDX-License-Identifier: ISC
"""REQUIRETLS (RFC 8689): from herald to herald under TLS, and back to the sender where it cannot go on."""
import auth
import tls
from lab import mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble
from outbound import MAIL, Trick, certificate, has, near, postfix
from relay import bounce


def far_herald(where, tls='starttls'):
    key, cert = certificate(where / 'tls')
    key.chmod(0o600)
    port = process.free_port()
    extra = (f'tls {{ certificate = "{cert}"; key = "{key}"; }}\n'
             f'listen "mx" {{ address = "127.0.0.1:{port}"; tls = {tls}; }}')
    return servers.Herald(where / 'far', extra=extra, port=port, listen=False), cert


def hand(server, name, more='REQUIRETLS', body=b''):
    with Dialogue(server.port, 30) as client:
        client.greet()
        auth.secure(client)
        client.ask(f'MAIL FROM:<sender@sender.test> {more}', 250)
        client.ask('RCPT TO:<alice@example.test> NOTIFY=FAILURE', 250)
        client.ask('DATA', 354)
        client.send(mail.text(name) + body + b'.\r\n')
        client.expect(250)


@case('REQUIRETLS: herald to herald over TLS that was verified')
def verified(where):
    far, cert = far_herald(where)
    with far, near(where, far.port, f'ca_file = "{cert}";') as sender:
        far.ready()
        sender.ready()
        hand(sender, 'secret')
        got = mail.arrival(far.maildir(), 'secret')
        if b'with ESMTPS' not in got:
            raise Trouble(f'not under TLS: {got[:1000]}')
        sender.heard('tls.started', '"certificate":"verified"')


@case('REQUIRETLS is offered on every port once TLS is there: by STARTTLS, on demand and from the first octet')
def offered(where):
    ports = {kind: process.free_port() for kind in ('starttls', 'required', 'implicit')}
    extra = '\n'.join(f'listen "{kind}" {{ address = "127.0.0.1:{port}"; role = submission; tls = {kind}; }}'
                      for kind, port in ports.items())
    with servers.Herald(where, extra=extra) as server:
        server.ready()
        for kind, port in ports.items():
            with Dialogue(port) as client:
                if kind == 'implicit':
                    tls.secure(client)
                else:
                    if 'REQUIRETLS' in client.greet():
                        raise Trouble(f'{kind}: offered in the clear')
                    tls.starttls(client)
                said = client.greet() if kind == 'implicit' else client.ask('EHLO cli.test', 250)
                if 'REQUIRETLS' not in said:
                    raise Trouble(f'{kind}: not offered under TLS: {said}')


def returned(sender, *words):
    """The report has the header alone, even where all was asked for."""
    hand(sender, 'secret', 'REQUIRETLS RET=FULL', b'secret words\r\n')
    report = bounce(sender)
    has(report, b'Action: failed', b'Status: 5.7.30', b'X-Test-Id: secret', *words)
    if b'secret words' in report:
        raise Trouble('what needs TLS came back as a whole')


@case('REQUIRETLS: a server without TLS, and one whose certificate does not verify: it comes back with 5.7.30')
def refused(where):
    clear, _ = far_herald(where / 'clear', 'off')
    other, _ = far_herald(where / 'other')
    for far, place in ((clear, where / 'a'), (other, where / 'b')):
        with far, near(place, far.port) as sender:
            far.ready()
            sender.ready()
            returned(sender)
            if mail.read(far.maildir()):
                raise Trouble('it went on in the clear')


@case('REQUIRETLS: Postfix does TLS and does not know the word: it comes back with 5.7.30')
def unknown(where):
    with postfix(where) as far, near(where / 'a', far.port, f'ca_file = "{where}/tls/cert.pem";') as sender:
        far.ready()
        sender.ready()
        returned(sender, b'REQUIRETLS')
        if mail.read(far.maildir()):
            raise Trouble('Postfix has it')


@case('REQUIRETLS: the report goes on to a server that does not know the word')
def report_goes_on(where):
    trick = Trick([(b'EHLO', b'250 trick\r\n'), (b'QUIT', b'221 bye\r\n')], [(b'EHLO', b'250 trick\r\n'), *MAIL])
    with near(where, trick.port, domains='["nobody.test"]') as server:
        server.ready()
        hand(server, 'secret')
        process.until(lambda: b'MAIL FROM:<>\r\n' in trick.heard, 15, 'the report does not come')
