# SPDX-License-Identifier: ISC
"""Certificates for tests, made by the openssl program."""
import os
import pathlib
import subprocess

from .process import Trouble


def openssl(*words, check=True, **more):
    done = subprocess.run(['openssl', *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60, check=False, **more)
    if check and done.returncode != 0:
        raise Trouble(f'openssl {words[0]} ended with {done.returncode}: {done.stdout.decode(errors="replace")[-800:]}')
    return done.stdout.decode(errors='replace')


def make(where, name, kind='ec', email=''):
    """(certificate, key) for a name, signed by itself; kind is ec or rsa."""
    where.mkdir(parents=True, exist_ok=True)
    certificate, key = where / f'{name}.pem', where / f'{name}.key'
    new = ['-newkey', 'rsa:2048'] if kind == 'rsa' else ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    names = f'DNS:{name}' + (f',email:{email}' if email else '')
    openssl('req', '-x509', *new, '-noenc', '-days', '30', '-subj', f'/CN={name}', '-addext', f'subjectAltName={names}',
            '-keyout', key, '-out', certificate)
    os.chmod(key, 0o600)
    return certificate, key


def subject(certificate):
    """What `openssl x509` says of a PEM text: the common name."""
    return openssl('x509', '-noout', '-subject', '-nameopt', 'multiline,-esc_msb', input=certificate.encode()
                   ).rpartition('= ')[2].strip()


def both(where, name):
    """One file with certificate and key."""
    certificate, key = make(where, name)
    whole = pathlib.Path(where / f'{name}-both.pem')
    whole.write_bytes(certificate.read_bytes() + key.read_bytes())
    os.chmod(whole, 0o600)
    return whole
