# SPDX-License-Identifier: ISC
"""Mail servers in a world of their own (lab/abroad.py): on 127.0.0.1 and ::1, asked by clients of any address.

`port` is where other mail servers come, `submission` where people do, without checks; None: the server has none.
"""
import json
import re
import shutil
import socket
import subprocess

from . import process, servers
from .eventlog import Logged
from .process import Process, Trouble, free_port, until


def documented(language):
    """A block of doc/guard.md: what people paste is what is tested."""
    text = (process.ROOT / 'doc/guard.md').read_text(encoding='utf-8')
    return text.split(f'```{language}\n', 1)[1].split('```', 1)[0]


def documented_postfix(language, port):
    """The same as settings of Postfix, for another port of the guard."""
    pairs = (line.split(' = ', 1) for line in documented(language).splitlines())
    return {key: re.sub(r'127\.0\.0\.1:889\d', f'127.0.0.1:{port}', value) for key, value in pairs}


def quoted(names):
    """A list of the configuration's grammar."""
    return json.dumps(list(names))


def world_settings(world, policy):
    """herald's configuration of world.json's server."""
    us = world['server']
    egresses = ''.join(f'egress "e{i}" {{ public_address = "{address}"; greeting = "{name}"; }}\n'
                       for i, (name, address) in enumerate(zip(us['names'], us['addresses'])))
    return (f'hostname = "{us["names"][0]}";\ndomains = {quoted(us["domains"])};\ntrusted = '
            f'{quoted(world["trusted"])};\ngreeting {{ policy = {policy}; }}\n{egresses}'
            'dns { servers = ["127.0.0.1@53"]; timeout = 20s; }\nlog { format = json; }\n')


class Herald(servers.Herald):
    """herald serve itself, also on ::1."""

    def __init__(self, where, world, policy):
        self.world, self.policy, self.submission = world, policy, None
        super().__init__(where)

    def write_conf(self, broken=''):
        self.conf.write_text(
            world_settings(self.world, self.policy) + f'data_dir = "{self.data}";\nrelay_domains = ["example.test"];\n'
            f'listen "four" {{ address = "127.0.0.1:{self.port}"; }}\n'
            f'listen "six" {{ address = "[::1]:{self.port}"; }}\n'
            'limits { sessions_per_client = 20000; }\n' + broken)


class Guard(Logged):
    """herald guard with one port for each protocol; `settings` is configuration text."""

    def __init__(self, where, settings, header='off'):
        where.mkdir(parents=True, exist_ok=True)
        self.policy, self.milter, self.exim = free_port(), free_port(), free_port()
        self.conf = where / 'herald.conf'
        self.conf.write_text(settings + ''.join(
            f'guard "{name}" {{ address = "127.0.0.1:{getattr(self, name)}"; protocol = {name}; header = {header}; }}\n'
            for name in ('policy', 'milter', 'exim')))
        super().__init__('guard', [servers.herald_path(), 'guard', '-c', self.conf], where)

    def listens(self):
        if not self.alive():
            raise Trouble(f'herald guard ended with {self.child.returncode}:\n{self.log_tail()}')
        try:
            socket.create_connection(('127.0.0.1', self.exim), timeout=1).close()
            return True
        except OSError:
            return False

    def ready(self, seconds=10.0):
        self.start()
        until(self.listens, seconds, 'herald guard does not listen')
        return self


class Postfix(servers.Postfix):
    """Postfix on both addresses, with a port for people as Debian's master.cf has it: none of the checks."""

    PEOPLE = ('-o smtpd_helo_restrictions= -o smtpd_recipient_restrictions= -o smtpd_milters= '
              '-o smtpd_relay_restrictions=reject_unauth_destination')

    def __init__(self, where, world, **settings):
        where.mkdir(parents=True, exist_ok=True)
        networks = ' '.join('[{}]/{}'.format(*net.split('/')) if ':' in net else net for net in world['trusted'])
        super().__init__(where, inet_protocols='all', inet_interfaces='127.0.0.1, [::1]', mynetworks=networks,
                         myhostname=world['server']['names'][0], smtpd_error_sleep_time='0s',
                         **{'smtpd_helo_required': 'yes', **settings})
        self.submission = free_port()
        extra = (f'[::1]:{self.port} inet n - n - - smtpd\n'
                 f'127.0.0.1:{self.submission} inet n - n - - smtpd {self.PEOPLE}\n'
                 f'[::1]:{self.submission} inet n - n - - smtpd {self.PEOPLE}\n')
        self.SERVICES = self.SERVICES + extra  # pylint: disable=invalid-name


class Exim(Process):
    """Exim, one daemon: `acl` is the configuration from `begin acl` on, `main` stands before it."""

    CONF = '''
primary_hostname = {name}
exim_path = {program}
exim_user = mail
exim_group = mail
spool_directory = {where}/spool
log_file_path = {where}/log-%slog
pid_file_path = {where}/exim.pid
keep_environment = LD_LIBRARY_PATH
local_interfaces = <; 127.0.0.1;::1
daemon_smtp_ports = {port} : {submission}
tls_advertise_hosts =
rfc1413_query_timeout = 0s
queue_only
smtp_accept_max = 0
smtp_enforce_sync = false
domainlist local_domains = {domains}
hostlist relay_from_hosts = <; {trusted}
{main}
{acl}
'''
    VERIFY = '''
begin acl
acl_rcpt:
  accept condition = ${if eq{$received_port}{SUBMISSION}}
  accept hosts = +relay_from_hosts
  deny message = HELO does not fit your address
       !verify = helo
  accept
'''
    # Our own ACL in the manner of hosting panels (not one of theirs): own names and domains, and bare addresses.
    PANEL = '''
begin acl
acl_rcpt:
  accept condition = ${if eq{$received_port}{SUBMISSION}}
  accept hosts = +relay_from_hosts
  deny message = "REJECTED - Bad HELO - Host impersonating [$sender_helo_name]"
       condition = ${if or{{match_domain{$sender_helo_name}{+local_domains}}\\
                           {eqi{$sender_helo_name}{$primary_hostname}}}}
  deny message = "REJECTED - Interface: $received_ip_address is _my_ address"
       condition = ${if eq{[$received_ip_address]}{$sender_helo_name}}
  deny message = "HELO should be a FQDN or address literal (See RFC 2821 4.1.1.1)"
       condition = ${if !match{$sender_helo_name}{\\N[.:]\\N}}
  deny message = "REJECTED - Bad HELO - bare address"
       condition = ${if isip{$sender_helo_name}}
  accept
'''

    @staticmethod
    def guarded(port):
        """(acl, main) with the guard at this port."""
        acl = documented('exim-acl').replace('127.0.0.1:8892', f'127.0.0.1:{port}')
        acl += ''.join(f'\nacl_{at}:\n{documented(f"exim-{at}")}  accept\n' for at in ('rcpt', 'data'))
        return f'begin acl\n{acl}', documented('exim-main') + 'acl_smtp_rcpt = acl_rcpt\nacl_smtp_data = acl_data\n'

    def __init__(self, where, world, acl, main='acl_smtp_rcpt = acl_rcpt'):
        root = servers.peer('exim')
        self.port, self.submission = free_port(), free_port()
        for made in (where, where / 'spool'):
            made.mkdir(parents=True, exist_ok=True)
            made.chmod(0o755)
            shutil.chown(made, 'mail', 'mail')
        us = world['server']
        self.conf = where / 'exim.conf'
        self.conf.write_text(self.CONF.format(
            name=us['names'][0], program=root / 'usr/sbin/exim4', where=where, port=self.port, main=main,
            submission=self.submission, domains=' : '.join([*us['names'], *us['domains']]),
            trusted='; '.join(world['trusted']), acl=acl.replace('SUBMISSION', str(self.submission))))
        words = servers.in_own_mounts(where, [root / 'usr/sbin/exim4', '-C', self.conf, '-bdf'], users=['Debian-exim'])
        super().__init__('exim', words, where, env=servers.libraries(root))

    def ready(self, seconds=10.0):
        return self.start().wait_banner(self.port, seconds)

    def logs(self):
        return [self.log, *sorted(self.where.glob('log-*'))]


class Sendmail(Process):
    """Sendmail from Debian, unpacked: a daemon in the foreground that takes mail and queues it.

    As shipped it refuses connections when the load of the machine is above 12; tests run on busy ones.
    """

    MC = '''divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{name}')dnl
define(`confTO_IDENT', `0')dnl
define(`confREFUSE_LA', `100000')dnl
define(`confQUEUE_LA', `100000')dnl
define(`confRUN_AS_USER', `root')dnl
define(`confDONT_BLAME_SENDMAIL', `groupwritabledirpathsafe')dnl
define(`QUEUE_DIR', `{where}/queue')dnl
define(`confPID_FILE', `{where}/pid')dnl
define(`confCW_FILE', `-o {where}/none')dnl
define(`STATUS_FILE', `')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`relay_entire_domain')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port={port}, Name=four')dnl
DAEMON_OPTIONS(`Family=inet6, Addr=::1, Port={port}, Name=six')dnl
{filter}MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
CRexample.test
'''

    def __init__(self, where, world, milter):
        root = servers.peer('sendmail')
        self.port, self.submission = free_port(), None
        (where / 'queue').mkdir(parents=True, exist_ok=True)
        source, self.conf = where / 'herald.mc', where / 'sendmail.cf'
        source.write_text(self.MC.format(name=world['server']['names'][0], where=where, port=self.port,
                                         filter=documented('sendmail').replace('8891@', f'{milter}@')))
        cf_dir = root / 'usr/share/sendmail/cf'
        made = subprocess.run([root / 'usr/bin/m4', '-D', f'_CF_DIR_={cf_dir}/', cf_dir / 'm4/cf.m4', source],
                              capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Trouble(f'm4 says: {made.stderr}')
        self.conf.write_text(made.stdout)
        # A copy, without the set-group-id bit: with it the program would not look for its libraries here.
        program = where / 'sendmail'
        shutil.copyfile(root / 'usr/libexec/sendmail/sendmail', program)
        program.chmod(0o755)
        words = [program, '-C', self.conf, '-bD']
        super().__init__('sendmail', words, where, env=servers.libraries(root))

    def ready(self, seconds=15.0):
        return self.start().wait_banner(self.port, seconds)
