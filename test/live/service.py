# SPDX-License-Identifier: ISC
"""Herald as a service: start, reload, stop, socket activation, two at a time."""
import json
import os
import signal
import socket
import subprocess
import time

from lab import mail, process, servers
from lab.cases import case
from lab.dialogue import Dialogue
from lab.process import Trouble


def greeting_name(port):
    return process.banner(port).split()[1:2]


@case('without a configuration: it serves, and first mail arrives')
def bare(where):
    server = process.Process('herald', [servers.herald_path(), 'serve'], where)
    if process.banner(2525, 0.2) or process.banner(2587, 0.2):
        raise process.Skip('something serves on port 2525 or 2587 already')
    with server.start():
        server.wait_banner(2525)
        with Dialogue(2525) as client:
            client.greet()
            client.message(mail.text('first'), 250)
        mail.same(mail.arrival(where / 'herald-data/mail/example.test/alice', 'first'), mail.text('first'))
        server.heard('127.0.0.1:2525')


@case('SIGTERM ends all processes with exit code 0, and a restart finds the queue')
def restart(where):
    route = 'route "*" { via = hold; }'
    with servers.Herald(where, extra=route) as server:
        server.ready()
        process.load(server.port, c=5, m=10, t='user@elsewhere.example')
        family = process.pids_of(server.child.pid)
        server.child.send_signal(signal.SIGTERM)
        code = server.child.wait(60)
        if code != 0:
            raise Trouble(f'ended with {code}')
        process.until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in family), 10, 'processes are left')
        server.ready()
        count = len(servers.json_rows(server.command('queue', 'list', '--json').stdout))
        if count != 50:
            raise Trouble(f'{count} of 50 messages are in the queue')


@case('SIGTERM lets a session end its message')
def drain(where):
    with servers.Herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.envelope()
            client.ask('DATA', 354)
            client.send(mail.text('draining'))
            server.child.send_signal(signal.SIGTERM)
            server.events('server.stop')
            client.send('.\r\n')
            answer = client.expect(250, 421, 451)
        server.child.wait(60)
        server.ready()
        if answer.startswith('250'):
            mail.arrival(server.maildir(), 'draining')


@case('SIGHUP with a good file: new sessions get it, old ones go on')
def reload_good(where):
    with servers.Herald(where) as server:
        server.ready()
        with Dialogue(server.port) as old:
            old.greet()
            server.settings['hostname'] = '"other.herald.test"'
            server.write_conf()
            server.reload()
            process.until(lambda: greeting_name(server.port) == ['other.herald.test'], 10, 'the new name is not said')
            old.message(mail.text('before'), 250)
        mail.arrival(server.maildir(), 'before')


@case('SIGHUP with a bad file: the old one stays, the log names line and key')
def reload_bad(where):
    with servers.Herald(where) as server:
        server.ready()
        server.settings['hostname'] = '"other.herald.test"'
        server.write_conf(broken='hostnam = "x.herald.test";')
        server.reload()
        server.heard('config.bad', 'hostnam')
        if greeting_name(server.port) != ['mx.herald.test']:
            raise Trouble('the bad configuration is in force')
        with Dialogue(server.port) as client:
            client.greet()
            client.message(mail.text('still'), 250)
        mail.arrival(server.maildir(), 'still')


@case('SIGHUP under load: no session is refused, no message lost')
def reload_loaded(where):
    with servers.Herald(where) as server:
        server.ready()
        words = process.load_words(server.port, c=20, R=5, m=20, i=where / 'ids')
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as generator:
            for _ in range(4):
                time.sleep(0.2)
                server.reload()
            counted = json.loads(generator.communicate(timeout=120)[0])
        if counted['accepted'] != 2000 or counted['lost'] or counted['refused']:
            raise Trouble(f'of 2000 messages: {counted}')
        mail.all_arrived(server.maildir(), (where / 'ids').read_text().split(), 60)


@case('a bad configuration does not start: exit code 78, file, line and nearest key')
def bad_start(where):
    server = servers.Herald(where)
    server.write_conf(broken='hostnam = "x.herald.test";')
    done = subprocess.run(server.words, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 78 or 'herald.conf' not in done.stderr or 'hostname' not in done.stderr:
        raise Trouble(f'exit code {done.returncode}, said {done.stderr!r}')


@case('a second server on the same data directory refuses to start')
def two(where):
    with servers.Herald(where) as server:
        server.ready()
        other = servers.Herald(where / 'other')
        other.data = server.data
        other.write_conf()
        done = subprocess.run(other.words, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode == 0 or not done.stderr.strip():
            raise Trouble(f'exit code {done.returncode}, said {done.stderr!r}')


@case('socket activation: serves on the socket that it is given')
def activated(where):
    listener = socket.create_server(('127.0.0.1', 0))
    port = listener.getsockname()[1]
    server = servers.Herald(where, port=port)
    words = ['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=mx exec "$@"', 'sh', *server.words]

    def hand_over():
        os.dup2(listener.fileno(), 3, inheritable=True)

    activated_server = process.Process('herald', words, where, prepare=hand_over, close_fds=False)
    with activated_server:
        activated_server.start()
        listener.close()
        activated_server.wait_banner(port)
        with Dialogue(port) as client:
            client.greet()
            client.message(mail.text('activated'), 250)
        mail.arrival(server.maildir(), 'activated')


@case('the log is JSON with one id from session to delivery')
def log(where):
    with servers.Herald(where) as server:
        server.ready()
        with Dialogue(server.port) as client:
            client.greet()
            client.message(mail.text('logged'), 250)
        mail.arrival(server.maildir(), 'logged')
        done = server.events('delivery.done')[0]
        server.events_of_message('session.open', done['message'])
        accepted = server.final_events('message.accepted', message=done['message'])
        if len(accepted) != 1:
            raise Trouble(f'delivery.done names {done["message"]}, accepted was {accepted}')
