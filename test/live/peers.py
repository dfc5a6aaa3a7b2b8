# SPDX-License-Identifier: ISC
"""Exim and Postfix on both sides of herald: TLS and none, DSN, SMTPUTF8, CHUNKING."""
import os
import shutil

from lab import mail, servers
from lab.cases import case
from lab.process import Trouble, until
from outbound import certificate, envelope, has, near, plain_postfix
from relay import bounce, submit

MESSAGES = ((mail.text, 'text'), (mail.eight_bit, 'eight'), (mail.dots, 'dots'), (mail.attachment, 'large'))


def exim_tls(where):
    """Settings for TLS in Exim, and the certificate."""
    key, cert = certificate(where / 'tls')
    if os.geteuid() == 0:  # Exim starts as root alone
        shutil.chown(key, 'mail', 'mail')
    return f'tls_advertise_hosts = *\ntls_certificate = {cert}\ntls_privatekey = {key}\ndsn_advertise_hosts = *', cert


@case('Exim takes mail under STARTTLS, verified, with DSN and UTF-8')
def to_exim(where):
    tls, cert = exim_tls(where)
    with servers.Exim(where / 'far', tls=tls) as far, \
            near(where / 'a', far.port, f'tls = require; ca_file = "{cert}";') as sender:
        far.ready()
        sender.ready()
        for make, name in MESSAGES:
            submit(sender, make(name))
            far.heard('<= sender@sender.test', 'P=esmtps', 'X=TLS1.3', f'id={name}')
        sender.heard('tls.started', '"certificate":"verified"')
        envelope(sender, 'dsn', ' ENVID=env+2B1', ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@example.test')
        header = until(lambda: [path for path in far.queued('-H') if b'env+2B1' in path.read_bytes()], 15,
                       'ENVID does not come to Exim')[0].read_bytes()
        if b'rfc822;first@example.test' not in header:
            raise Trouble(f'no ORCPT in {header}')
        envelope(sender, 'utf8', ' SMTPUTF8', ' ORCPT=utf-8;ö@example.test', to='älice@example.test')
        until(lambda: [path for path in far.queued('-H') if 'älice@example.test'.encode() in path.read_bytes()], 15,
              'the address in UTF-8 does not come to Exim')


def messages_arrive(client, far, wanted):
    """Each message whole, and received as wanted."""
    for make, name in MESSAGES:
        submit(client, make(name))
        got = mail.arrival(far.maildir(), name)
        if not got.endswith(mail.as_file(make(name)).partition(b'\n\n')[2]) or wanted not in got:
            raise Trouble(f'{name} was changed, or did not come {wanted}: {got[:1500]}')


def parameters_arrive(client, far):
    """Those of DSN and SMTPUTF8."""
    envelope(client, 'dsn', ' ENVID=env+2B1', ' NOTIFY=SUCCESS ORCPT=rfc822;first@example.test')
    has(bounce(far, 30), b'Action: delivered', b'Original-Envelope-Id: env+1',
        b'Original-Recipient: rfc822;first@example.test')
    envelope(client, 'utf8', ' SMTPUTF8', '', to='älice@example.test')
    if b'UTF8' not in mail.arrival(far.maildir('%C3%A4lice'), 'utf8'):
        raise Trouble('not as SMTPUTF8')


@case('Exim as a client', 'under TLS', 'hosts_require_tls = *', b'with ESMTPS')
@case('Exim as a client', 'without TLS', 'hosts_avoid_tls = *', b'with ESMTP ')
@case('Exim as a client', 'without CHUNKING', 'hosts_try_chunking =', b'with ESMTPS')
def from_exim(where, kind, transport, wanted):
    tls, _ = exim_tls(where)
    with servers.Herald(where / 'far', domains='["example.test", "sender.test"]') as far, \
            servers.Exim(where / 'exim', tls=tls, onward=far.port, transport=transport) as client:
        far.ready()
        client.ready()
        messages_arrive(client, far, wanted)
        line = client.heard('=> alice@example.test')
        if (' K ' in line) == (kind == 'without CHUNKING'):
            raise Trouble(f'CHUNKING: {line}')
        parameters_arrive(client, far)


@case('Postfix as a client', 'encrypt', b'with ESMTPS')
@case('Postfix as a client', 'none', b'with ESMTP ')
def from_postfix(where, level, wanted):
    with servers.Herald(where / 'far', domains='["example.test", "sender.test"]') as far, \
            plain_postfix(where, virtual_mailbox_domains='', relayhost=f'[127.0.0.1]:{far.port}', smtputf8_enable='yes',
                          smtp_tls_security_level=level) as client:
        far.ready()
        client.ready()
        messages_arrive(client, far, wanted)
        parameters_arrive(client, far)
