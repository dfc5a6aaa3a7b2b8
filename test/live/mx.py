# SPDX-License-Identifier: ISC
"""Relaying by MX against scripted DNS: order, fallback, null MX, and answers that are none.

The servers stand on port 25 of loopback addresses, which only root can bind.
"""
import os
import re
import signal
import time

import dns
from lab import mail, process, servers, smtpd
from lab.cases import case
from lab.process import Skip, Trouble
from relay import checked_bounce, submit

NET = f'127.{os.getpid() >> 8 & 63 | 64}.{os.getpid() & 255}.'  # two runs at a time do not meet
FIRST, SECOND, NOBODY = NET + '1', NET + '2', NET + '9'
ADDRESSES = {('mx1.far.example', 'A'): [FIRST], ('mx2.far.example', 'A'): [SECOND], ('gone.far.example', 'A'): [NOBODY]}
TO = 'alice@far.example'


def far_server(address, answers=None):
    if os.geteuid() != 0:
        raise Skip('port 25 needs root')
    return smtpd.Server(answers, address, 25)


def herald(where, names, timeout='20s'):
    extra = f'route "*" {{ via = mx; }} dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = {timeout}; }}'
    return servers.Herald(where / 'first', extra=extra, domains='["sender.test"]')


def delivers(where, zone, wanted, first=None):
    """The message reaches the server at the address `wanted`."""
    with far_server(FIRST, first) as one, far_server(SECOND) as two, dns.Server({**ADDRESSES, **zone}) as names, \
            herald(where, names) as near:
        near.ready()
        submit(near, mail.text('mx'), TO)
        process.until(lambda: one.messages or two.messages, 20, f'nothing comes; asked {names.asked}')
        got = FIRST if one.messages else SECOND
        if got != wanted:
            raise Trouble(f'it went to {got}, not to {wanted}')


MX = ('far.example', 'MX')
case('the MX of lowest preference', {MX: ['20 mx2.far.example', '10 mx1.far.example']}, FIRST)(delivers)
case('the next MX when the first is not there', {MX: ['10 gone.far.example', '20 mx2.far.example']}, SECOND)(delivers)
case('the next MX when the first is busy', {MX: ['10 mx1.far.example', '20 mx2.far.example']}, SECOND,
     {'banner': '421 4.3.2 busy'})(delivers)
case('the next MX when the name of the first does not resolve',
     {MX: ['10 nowhere.far.example', '20 mx2.far.example']}, SECOND)(delivers)
case('the address of the domain when it has no MX', {('far.example', 'A'): [FIRST]}, FIRST)(delivers)
case('a domain that is an alias', {('far.example', 'CNAME'): ['real.far.example'],
                                   ('real.far.example', 'MX'): ['10 mx1.far.example']}, FIRST)(delivers)


def bounces(where, zone, status):
    with dns.Server({**ADDRESSES, **zone}) as names, herald(where, names) as near:
        near.ready()
        submit(near, mail.text('mx'), TO)
        checked_bounce(near, TO, status)


case('a domain that does not exist: a report comes back', {}, '5.4.4')(bounces)
case('a null MX: a report comes back', {MX: ['0 .']}, '5.1.10')(bounces)


def waits(where, zone):
    with dns.Server({**ADDRESSES, **zone}) as names, herald(where, names, '2s') as near:
        near.ready()
        submit(near, mail.text('mx'), TO)
        near.events('delivery.deferred')
        near.queue_says(TO)


case('SERVFAIL: the message waits', {MX: 'SERVFAIL'})(waits)
case('no answer: the message waits', {MX: 'TIMEOUT'})(waits)
case('a garbled answer: the message waits', {MX: 'GARBAGE'})(waits)
case('an MX whose address cannot be had now: the message waits',
     {MX: ['10 slow.far.example'], ('slow.far.example', 'A'): 'SERVFAIL',
      ('slow.far.example', 'AAAA'): 'SERVFAIL'})(waits)


@case('the message goes when DNS is well again')
def recovers(where):
    with far_server(FIRST) as far, dns.Server({MX: 'SERVFAIL'}) as names, herald(where, names) as near:
        near.ready()
        submit(near, mail.text('mx'), TO)
        near.events('delivery.deferred')
        names.set({**ADDRESSES, MX: ['10 mx1.far.example']})

        def sent():
            near.command('queue', 'retry', '--to', 'far.example')
            time.sleep(0.5)  # the failed look-up may be remembered for some seconds
            return far.messages
        process.until(sent, 20, 'it is not sent')


def nameless(where, names):
    """herald in a pod: it has no hostname set, and what the machine has does not lead to its address."""
    extra = f'route "*" {{ via = mx; }} dns {{ servers = ["127.0.0.1@{names.port}"]; timeout = 20s; }}'
    near = servers.Herald(where / 'first', extra=extra, domains='["sender.test"]')
    near.conf.write_text(re.sub('(?m)^hostname.*\n', '', near.conf.read_text()))
    return near


@case('mail that waited for a name to greet with goes at once when a reload sets one')
def named(where):
    with far_server(FIRST) as far, dns.Server({**ADDRESSES, MX: ['10 mx1.far.example']}) as names, \
            nameless(where, names) as near:
        near.ready()
        for number in range(3):
            submit(near, mail.text(f'named{number}'), TO)
        near.events('delivery.deferred')
        submit(near, mail.text('late'), TO)  # while the destination rests: it is not tried at all
        near.queue_says('4.3.5')
        if far.messages:
            raise Trouble('it does not wait for a name')
        near.conf.write_text('hostname = "mta1.sender.example";\n' + near.conf.read_text())
        near.child.send_signal(signal.SIGHUP)
        process.until(lambda: len(far.messages) == 4, 10, f'it waits on:\n{near.log_tail()}')
