# SPDX-License-Identifier: ISC
"""A world of its own: a network namespace in which every address is local, and all names are those of a script.

A program that runs in it can connect from any client address there is, and every mail server asks the scripted DNS on
127.0.0.1:53, without a word of configuration. Nothing of it reaches the machine outside.
"""
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys

from . import process, servers
from .process import Skip, Trouble

INSIDE = 'HERALD_LAB_ABROAD'
SETUP = '''set -e
ip link set lo up
ip route add local 0.0.0.0/0 dev lo
if [ -e /proc/sys/net/ipv6/ip_nonlocal_bind ]; then
    echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind
    ip -6 route add local ::/0 dev lo
fi
mount --make-rprivate /
for file in resolv.conf hosts nsswitch.conf; do
    [ ! -e "/etc/$file" ] || mount --bind "$0/$file" "/etc/$file"
done
exec "$@"'''
FILES = {
    'resolv.conf': 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n',
    'hosts': '127.0.0.1 localhost\n::1 localhost\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n',
}


def inside():
    return bool(os.environ.get(INSIDE))


def call(words, **more):
    """Run a Python program in such a world; `more` is for subprocess.run, whose result is returned."""
    if os.geteuid() != 0:
        raise Skip('a network namespace needs root')
    if not shutil.which('ip'):
        raise Skip('ip (of iproute2) is not there')
    servers.unpack_peers()  # inside there is no network
    where = process.folder('abroad')
    try:
        for name, text in FILES.items():
            (where / name).write_text(text)
        begin = ['unshare', '--net', '--mount', 'sh', '-c', SETUP, where]
        probe = subprocess.run([*begin, 'true'], capture_output=True, text=True, check=False)
        if probe.returncode != 0:
            raise Skip(f'no network namespace here: {probe.stderr.strip()}')
        return subprocess.run([*begin, sys.executable, *words], env={**os.environ, INSIDE: '1'}, check=False, **more)
    finally:
        process.remove(where)


def run(words, seconds=1200):
    """Run a program in such a world and return its standard output, which is JSON."""
    done = call(words, stdout=subprocess.PIPE, text=True, timeout=seconds)
    if done.returncode != 0:
        raise Trouble(f'{words} ended with {done.returncode}')
    return json.loads(done.stdout)


class Client:
    """One SMTP session from any address to a server on loopback."""

    def __init__(self, port, source, seconds=60.0):
        address = ipaddress.ip_address(source)
        address = getattr(address, 'ipv4_mapped', None) or address
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        self.peer = socket.socket(family, socket.SOCK_STREAM)
        self.peer.settimeout(seconds)
        self.peer.bind((str(address), 0))
        self.peer.connect(('::1' if address.version == 6 else '127.0.0.1', port))
        self.lines = self.peer.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.peer.close()

    def reply(self):
        """(code, text); (0, '') at the end of the connection."""
        text = ''
        while True:
            try:
                line = self.lines.readline().decode('latin-1')
            except ConnectionError:
                line = ''
            text += line
            if not line or line[3:4] != '-':
                return (int(line[:3]) if line[:3].isdigit() else 0), text.rstrip()

    def ask(self, octets):
        try:
            self.peer.sendall(octets + b'\r\n')
        except ConnectionError:
            return 0, ''
        return self.reply()
