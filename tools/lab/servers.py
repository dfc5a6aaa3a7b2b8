# SPDX-License-Identifier: ISC
"""herald and the servers it is measured and tested with, each with a configuration and a folder of its own."""
import grp
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from . import process
from .eventlog import Logged
from .process import Process, Skip, Trouble, free_port

PEERS = process.ROOT / 'build/peers'


def herald_path():
    """The binary under test: $HERALD, or the one in the build folder."""
    asked = os.environ.get('HERALD')
    places = [pathlib.Path(asked)] if asked else [process.build_dir() / place for place in (
        'herald', 'src/herald', 'src/cli/herald')]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return place.resolve()
    raise Trouble(f'herald is not built: {places[0]} is not there')


def json_rows(text):
    """JSON lines, or one JSON list."""
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return rows[0] if len(rows) == 1 and isinstance(rows[0], list) else rows


class Herald(Logged):
    """herald serve on a free port. `extra` is configuration text; `settings` replace the defaults below by name."""

    DEFAULTS = {
        'hostname': '"mx.herald.test"',
        'domains': '["example.test", "localhost"]',
        'trusted': '["127.0.0.0/8"]',
        'unknown_user': 'accept',
    }

    def __init__(self, where, extra='', port=None, limits='', words=(), listen=True, **settings):
        self.port = port or free_port()
        self.data = where / 'data'
        self.conf = where / 'herald.conf'
        self.extra, self.limits, self.listen = extra, limits, listen
        self.settings = {**self.DEFAULTS, **settings}
        where.mkdir(parents=True, exist_ok=True)
        self.write_conf()
        super().__init__('herald', [herald_path(), 'serve', '-c', self.conf, *words], where)

    def write_conf(self, broken=''):
        lines = [f'{key} = {value};' for key, value in self.settings.items()]
        lines.append(f'data_dir = "{self.data}";')
        if self.listen:
            lines.append(f'listen "mx" {{ address = "127.0.0.1:{self.port}"; }}')
        room = ' '.join(f'{key} = 20000;' for key in ('sessions', 'sessions_per_client')
                        if f'{key} =' not in self.limits)
        lines.append(f'limits {{ {room} {self.limits} }}')
        lines.append('log { format = json; level = info; }')
        self.conf.write_text('\n'.join(lines + [self.extra, broken]) + '\n')

    def start(self):
        super().start()
        return self

    def ready(self, seconds=10.0):
        return self.start().wait_banner(self.port, seconds)

    def maildir(self, user='alice', domain='example.test'):
        return self.data / 'mail' / domain / user

    def reload(self):
        self.child.send_signal(signal.SIGHUP)

    def queue_says(self, *words):
        """herald queue list --json, as soon as it has all of these words: the record is written behind the event."""
        def listed():
            text = self.command('queue', 'list', '--json').stdout
            return text if all(word in text for word in words) else None
        return process.until(listed, 20, f'the queue does not say {words}')

    def command(self, *words, check=True):
        """Run a herald subcommand with this server's configuration."""
        words = [str(herald_path()), words[0], '-c', str(self.conf), *map(str, words[1:])]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise Trouble(f'{" ".join(words)} ended with {done.returncode}: {done.stderr}')
        return done


def peer(name):
    """The folder of an unpacked peer; Skip where it cannot be had or run."""
    if os.geteuid() != 0:
        raise Skip(f'{name} needs root to start')
    where = PEERS / name
    if not (where / '.complete').exists():
        subprocess.run([process.ROOT / 'tools/peers', name], stdout=subprocess.DEVNULL, check=False)
    if not (where / '.complete').exists():
        raise Skip(f'{name} could not be unpacked')
    return where


def unpack_peers():
    """All of them, before cases run side by side, or where there is no network; who is missing is told later."""
    if os.geteuid() == 0:
        subprocess.run([process.ROOT / 'tools/peers'], stdout=subprocess.DEVNULL, check=False)


def libraries(where, *more):
    """The environment in which an unpacked program finds its own libraries."""
    folders = [*where.glob('usr/lib/*-linux-gnu*'), *where.glob('lib/*-linux*'), *(where / path for path in more)]
    return {'LD_LIBRARY_PATH': ':'.join(map(str, folders))}


def in_own_mounts(where, words, overlay=None, users=()):
    """The command line that runs `words` in a mount namespace of its own: the machine's files stay as they are.

    overlay  a peer's folder whose /usr is laid over the machine's, for programs with compiled-in paths
    users    names to add to the passwd and group that the program sees
    """
    script = 'set -e; '
    if users:
        for name in ('passwd', 'group'):
            text = pathlib.Path('/etc', name).read_text()
            extra = {'passwd': '{0}:x:{1}:{1}::/nonexistent:/bin/false\n', 'group': '{0}:x:{1}:\n'}[name]
            known = {line.split(':')[0] for line in text.splitlines()}
            text += ''.join(extra.format(user, 64000 + i) for i, user in enumerate(users) if user not in known)
            (where / name).write_text(text)
            script += f'mount --bind "{where / name}" /etc/{name}; '
    if overlay:
        script += f'mount -t overlay overlay -o "lowerdir={overlay / "usr"}:/usr" /usr; '
    return ['unshare', '--mount', 'sh', '-c', script + 'exec "$@"', 'sh', *words]


class Postfix(Process):
    """Postfix from Debian, unpacked. As shipped but for the settings given: no chroot, no postscreen, no TLS."""

    OWNER, GROUP = 'mail', 'staff'  # users of every Debian: none is made for the sake of a test
    SERVICES = '''
smtp       inet n - n - - smtpd
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp       unix - - n - - smtp
relay      unix - - n - - smtp
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
local      unix - n n - - local
virtual    unix - n n - - virtual
lmtp       unix - - n - - lmtp
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
tlsmgr     unix - - n 1000? 1 tlsmgr
postlog    unix-dgram n - n - 1 postlogd
'''

    def __init__(self, where, port=None, **settings):
        root = peer('postfix')
        self.port, self.mail, self.conf = port or free_port(), where / 'mail', where / 'conf'
        self.settings = {
            'compatibility_level': '3.6', 'queue_directory': where / 'queue', 'data_directory': where / 'state',
            'command_directory': root / 'usr/sbin', 'daemon_directory': root / 'usr/lib/postfix/sbin',
            'shlib_directory': root / 'usr/lib/postfix', 'meta_directory': root / 'etc/postfix',
            'mail_owner': self.OWNER, 'setgid_group': self.GROUP, 'default_privs': 'nobody',
            'maillog_file': where / 'maillog', 'maillog_file_prefixes': where,
            'import_environment': 'MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C LD_LIBRARY_PATH',
            'myhostname': 'mx.postfix.test', 'mydestination': '', 'mynetworks': '127.0.0.0/8',
            'inet_interfaces': '127.0.0.1', 'inet_protocols': 'ipv4', 'smtp_host_lookup': 'native',
            'alias_maps': '', 'alias_database': '', 'local_recipient_maps': '', 'smtpd_tls_security_level': 'none',
            'smtp_tls_security_level': 'none', 'virtual_mailbox_domains': 'example.test',
            'virtual_mailbox_base': self.mail, 'virtual_mailbox_maps': 'static:example.test/alice/',
            'virtual_uid_maps': f'static:{pwd.getpwnam(self.OWNER).pw_uid}',
            'virtual_gid_maps': f'static:{pwd.getpwnam(self.OWNER).pw_gid}', 'virtual_minimum_uid': '1',
            **settings}
        super().__init__('postfix', [root / 'usr/lib/postfix/sbin/master', '-c', self.conf, '-s'], where,
                         env={**libraries(root, 'usr/lib/postfix'), 'MAIL_CONFIG': str(self.conf)})

    def start(self):
        uid, gid = pwd.getpwnam(self.OWNER).pw_uid, grp.getgrnam(self.GROUP).gr_gid
        for name in ('conf', 'queue', 'queue/pid'):
            (self.where / name).mkdir(exist_ok=True)
        for name in ('active bounce corrupt defer deferred flush hold incoming private saved trace').split():
            made = self.where / 'queue' / name
            made.mkdir(mode=0o700, exist_ok=True)
            os.chown(made, uid, -1)
        for name, mode in (('maildrop', 0o730), ('public', 0o710)):
            made = self.where / 'queue' / name
            made.mkdir(exist_ok=True)
            made.chmod(mode)
            os.chown(made, uid, gid)
        for made in (self.where / 'state', self.mail):
            made.mkdir(exist_ok=True)
            os.chown(made, uid, -1)
        text = '\n'.join(f'{key} = {value}' for key, value in self.settings.items())
        (self.conf / 'main.cf').write_text(text + '\n')
        services = self.SERVICES.replace('\nsmtp       inet', f'\n127.0.0.1:{self.port} inet')
        (self.conf / 'master.cf').write_text(services)
        return super().start()

    def ready(self, seconds=15.0):
        return self.start().wait_banner(self.port, seconds)

    def logs(self):
        return [self.log, self.where / 'maillog']

    def maildir(self):
        return self.mail / 'example.test' / 'alice'

    def queued(self, name='hold'):
        """Paths of the messages in one of the queues."""
        return [path for path in (self.where / 'queue' / name).rglob('*') if path.is_file()]


class Exim(Process):
    """Exim (daemon-light) from Debian, unpacked: takes mail into its queue and leaves it there.

    onward  hand it on at once, to this port of this machine; `transport` are options of that
    """

    CONF = '''
primary_hostname = mx.exim.test
exim_path = {program}
exim_user = mail
exim_group = mail
spool_directory = {where}/spool
log_file_path = {where}/log-%slog
pid_file_path = {where}/exim.pid
keep_environment = LD_LIBRARY_PATH
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
{tls}
host_lookup =
rfc1413_query_timeout = 0s
{queue_only}
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
smtp_connect_backlog = 500
recipients_max = 0
message_size_limit = 100M
acl_smtp_rcpt = acl_rcpt
begin acl
acl_rcpt:
  accept
'''
    ONWARD = '''
begin routers
onward:
  driver = manualroute
  transport = onward
  route_list = * 127.0.0.1
  self = send
begin transports
onward:
  driver = smtp
  port = {port}
  {transport}
'''

    def __init__(self, where, port=None, tls='tls_advertise_hosts =', onward=None, transport=''):
        root = peer('exim')
        where.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        program = root / 'usr/sbin/exim4'
        for name in ('spool',):
            (where / name).mkdir(parents=True, exist_ok=True)
            shutil.chown(where / name, 'mail', 'mail')
        where.chmod(0o755)
        shutil.chown(where, 'mail', 'mail')
        self.conf = where / 'exim.conf'
        text = self.CONF.format(program=program, where=where, port=self.port, tls=tls,
                                queue_only='queue_only = ' + ('true' if onward is None else 'false'))
        if onward is not None:
            text += self.ONWARD.format(port=onward, transport=transport)
        self.conf.write_text(text)
        words = in_own_mounts(where, [program, '-C', self.conf, '-bdf'], users=['Debian-exim'])
        super().__init__('exim', words, where, env=libraries(root))

    def ready(self, seconds=10.0):
        return self.start().wait_banner(self.port, seconds)

    def logs(self):
        return [self.log, *sorted(self.where.glob('log-*log'))]

    def queued(self, part='-D'):
        """Paths of the bodies in the queue; with part='-H' of the envelopes, which are written last."""
        return list((self.where / 'spool/input').rglob('*' + part))


class Dovecot(Process):
    """Dovecot's LMTP server from Debian, unpacked, on a Unix socket and on a port; delivers into Maildirs."""

    CONF = '''
base_dir = {where}/run
state_dir = {where}/state
log_path = {where}/dovecot.log
protocols = lmtp
default_internal_user = mail
default_internal_group = mail
default_login_user = nobody
mail_location = maildir:{where}/mail/%u
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
ssl = no
userdb {{
  driver = static
  args = uid=mail gid=mail home={where}/mail/%u allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
service lmtp {{
  unix_listener {where}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
'''

    def __init__(self, where):
        root = peer('dovecot')
        self.port, self.socket, self.mail = free_port(), where / 'lmtp', where / 'mail'
        self.mail.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.mail, 'mail', 'mail')
        self.conf = where / 'dovecot.conf'
        self.conf.write_text(self.CONF.format(where=where, port=self.port))
        words = in_own_mounts(where, ['/usr/sbin/dovecot', '-F', '-c', self.conf], overlay=root)
        super().__init__('dovecot', words, where)

    def ready(self, seconds=10.0):
        return self.start().wait_banner(self.port, seconds)

    def logs(self):
        return [self.log, self.where / 'dovecot.log']


class Chasquid(Process):
    """chasquid from Debian, unpacked; it cannot do without a certificate."""

    CONF = '''
hostname: "mx.chasquid.test"
smtp_address: "127.0.0.1:{port}"
submission_address: "127.0.0.1:{other}"
submission_over_tls_address: "127.0.0.1:{third}"
data_dir: "{where}/state"
mail_log_path: "{where}/mail.log"
'''

    def __init__(self, where, certificate, key, port=None):
        root = peer('chasquid')
        self.port, conf = port or free_port(), where / 'conf'
        (conf / 'domains/example.test').mkdir(parents=True)
        certs = conf / 'certs/mx.chasquid.test'
        certs.mkdir(parents=True)
        shutil.copy(certificate, certs / 'fullchain.pem')
        shutil.copy(key, certs / 'privkey.pem')
        (conf / 'chasquid.conf').write_text(
            self.CONF.format(port=self.port, other=free_port(), third=free_port(), where=where))
        super().__init__('chasquid', [root / 'usr/bin/chasquid', f'--config_dir={conf}'], where)

    def ready(self, seconds=10.0):
        return self.start().wait_banner(self.port, seconds)


class Sink(Process):
    """bench/sink: an SMTP server that takes everything."""

    def __init__(self, where, port=None):
        self.port, self.ids = port or free_port(), where / 'sink.ids'
        super().__init__('sink', [process.build_dir() / 'bench/sink', f'127.0.0.1:{self.port}', self.ids], where)

    def ready(self, seconds=5.0):
        return self.start().wait_banner(self.port, seconds)
