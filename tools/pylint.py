# SPDX-License-Identifier: ISC
"""usage: pylint.py FILE - the file compiles, imports nothing it does not use, and keeps to 120 columns."""
import ast
import pathlib
import sys


def faults(path):
    text = pathlib.Path(path).read_text(encoding='utf-8')
    tree = ast.parse(text, path)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in node.names:
                bound = (name.asname or name.name).split('.')[0]
                if bound not in used:
                    yield node.lineno, f'{bound} is imported and not used'
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, 'a bare except hides every fault'
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 120:
            yield number, 'longer than 120 columns'
    if 'SPDX-License-Identifier: ISC' not in '\n'.join(text.splitlines()[:2]):
        yield 1, 'no SPDX line'


def main():
    found = 0
    for path in sys.argv[1:]:
        try:
            for number, fault in faults(path):
                print(f'{path}:{number}: {fault}')
                found += 1
        except SyntaxError as error:
            print(f'{path}:{error.lineno}: {error.msg}')
            found += 1
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
