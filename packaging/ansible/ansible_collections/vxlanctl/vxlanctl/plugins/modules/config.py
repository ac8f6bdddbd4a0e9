#!/usr/bin/python
# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Writes files of tunnels, after vxlanctl has looked at all of them together."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: config
short_description: Write files of tunnels, if they can be applied
version_added: 0.1.0
description:
  - Writes files into C(/etc/vxlanctl). Before, C(vxlanctl plan) looks at the directory as it shall become,
    in a copy. Where it finds a mistake, no file is touched.
  - Does not apply the files. M(vxlanctl.vxlanctl.files) does that. Where C(vxlanctl-reconcile.path) is
    enabled, systemd does it as soon as a file is written.
options:
  files:
    description:
      - The files, by their names in the directory. A value is the text of a file, or a mapping for a file
        whose name ends in C(.json).
      - A name may have one directory for drop-ins, such as C(gate.toml.d/50-mtu.toml).
    type: dict
    required: true
  directory:
    description:
      - The directory. It is made if it does not exist.
    type: path
    default: /etc/vxlanctl
  purge:
    description:
      - Remove all other files of the directory that vxlanctl would read as tunnels or drop-ins.
    type: bool
    default: false
  check:
    description:
      - Have vxlanctl look at the files before they are written.
    type: bool
    default: true
extends_documentation_fragment:
  - vxlanctl.vxlanctl.common
attributes:
  check_mode:
    description: Checks the files and writes nothing. Where vxlanctl is not installed yet, it checks nothing.
    support: full
  diff_mode:
    description: Shows each file that differs, and in check mode also what applying the files would change.
    support: full
  platform:
    description: The hosts that it works on.
    support: full
    platforms: linux
seealso:
  - module: vxlanctl.vxlanctl.files
author:
  - vxlanctl maintainers (!UNKNOWN)
'''

EXAMPLES = r'''
- name: The files of this host
  vxlanctl.vxlanctl.config:
    purge: true
    files:
      gate.toml: "{{ lookup('ansible.builtin.template', 'gate.toml.j2') }}"
      flets.json:
        isatap:
          sit1:
            local: 10.216.0.101
            prefix: 2001:db8::/64
            routers: [{address: 192.168.103.254}]
'''

RETURN = r'''
written:
  description: Names of the files that were written.
  returned: success
  type: list
  elements: str
removed:
  description: Names of the files that were removed.
  returned: success
  type: list
  elements: str
plan:
  description: What applying the files would do to each tunnel, without removing any.
  returned: where vxlanctl has looked at the files
  type: list
  elements: dict
'''

import json
import os
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import document, job
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.vxlanctl import (
    COMMON_ARGUMENTS, Vxlanctl, failure_of)

SUFFIXES = ('.toml', '.json')
REFUSED = 4  # the files are right, and applying them needs an option


def texts_of(module):
    """The wanted files as text, by name."""
    texts = {}
    for name, content in module.params['files'].items():
        parts = name.split('/')
        if len(parts) > 2 or '' in parts or '.' in parts or '..' in parts or (
                len(parts) == 2 and not is_drop_in_directory(parts[0])):
            module.fail_json(msg="%s: not the name of a file in the directory, nor of a drop-in such as "
                                 "'gate.toml.d/50-mtu.toml'" % name)
        if isinstance(content, dict):
            if not name.endswith('.json'):
                module.fail_json(msg="%s: a mapping is written as JSON. Give the file a name that ends in "
                                     "'.json', or write its text." % name)
            content = json.dumps(content, indent=2, sort_keys=True) + '\n'
        texts[name] = to_text(content)
    return texts


def is_drop_in_directory(name):
    return name.endswith(tuple(suffix + '.d' for suffix in SUFFIXES))


def files_of(directory):
    """All regular files of a directory and of its directories of drop-ins, as text by name."""
    found = {}
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            found[name] = text_of(path)
        elif os.path.isdir(path) and is_drop_in_directory(name):
            for inner in sorted(os.listdir(path)):
                if os.path.isfile(os.path.join(path, inner)):
                    found[name + '/' + inner] = text_of(os.path.join(path, inner))
    return found


def text_of(path):
    with open(path, 'rb') as source:
        return to_text(source.read(), errors='surrogate_or_strict')


def write(directory, name, text):
    path = os.path.join(directory, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path), 0o755)
    with open(path, 'wb') as target:
        target.write(to_bytes(text))


def look_at(module, directory, texts):
    """The plan for a directory with these files, and what runs, as far as it shall be shown.

    Ends the module where the files are wrong.
    """
    program = Vxlanctl(module)
    shows = module.check_mode and module._diff  # pylint: disable=protected-access
    running = program.running(all_netns=True) if shows else {}
    copy = job.directory_of_our_own('vxlanctl-config-')
    try:
        for name, text in texts.items():
            write(copy, name, text)
        answer = program.call(['plan', '--allow-empty', copy])
    finally:
        shutil.rmtree(copy)
    if answer.code in (0, REFUSED) and answer.document is not None:
        return answer.document['tunnels'], running
    result = failure_of(answer, module.argument_spec)
    result.update(changed=False, msg='No file was written: ' + result['msg'].replace(copy, directory))
    return module.fail_json(**result)


def replace(module, directory, name, text):
    """Writes a file beside the old one, by a name that nobody reads, and then takes its place."""
    path = os.path.join(directory, name)
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path), 0o755)
    descriptor, new = tempfile.mkstemp(prefix='.', suffix='.new', dir=os.path.dirname(path))
    with os.fdopen(descriptor, 'wb') as target:
        target.write(to_bytes(text))
    os.chmod(new, 0o644)
    module.atomic_move(new, path)


def remove(directory, name):
    path = os.path.join(directory, name)
    os.remove(path)
    if '/' in name and not os.listdir(os.path.dirname(path)):
        os.rmdir(os.path.dirname(path))


def main():
    module = AnsibleModule(argument_spec=dict(
        COMMON_ARGUMENTS,
        files={'type': 'dict', 'required': True},
        directory={'type': 'path', 'default': '/etc/vxlanctl'},
        purge={'type': 'bool', 'default': False},
        check={'type': 'bool', 'default': True},
    ), supports_check_mode=True)
    directory = module.params['directory']
    wanted = texts_of(module)
    have = files_of(directory)
    removed = sorted(name for name in have if module.params['purge'] and name not in wanted and
                     name.endswith(SUFFIXES) and not name.startswith('.'))
    written = sorted(name for name in wanted if have.get(name) != wanted[name])
    result = {'written': written, 'removed': removed, 'changed': bool(written or removed)}
    result['diff'] = [{'before': have.get(name, ''), 'after': wanted.get(name, ''),
                       'before_header': os.path.join(directory, name),
                       'after_header': os.path.join(directory, name)} for name in written + removed]

    may_be_missing = module.check_mode and not (
        module.params['executable'] or module.get_bin_path('vxlanctl'))
    if result['changed'] and module.params['check'] and not may_be_missing:
        together = dict(have, **wanted)
        for name in removed:
            del together[name]
        result['plan'], running = look_at(module, directory, together)
        before, after = document.before_and_after(running, result['plan'])
        if module.check_mode and before != after:
            result['diff'].append({'before': before or '', 'after': after or '', 'before_header': 'the tunnels that run',
                                   'after_header': 'the tunnels as these files define them'})
    if not module.check_mode:
        for name in written:
            replace(module, directory, name, wanted[name])
        for name in removed:
            remove(directory, name)
    module.exit_json(**result)


if __name__ == '__main__':
    main()
