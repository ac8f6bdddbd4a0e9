#!/usr/bin/python
# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Makes the tunnels of a host what files say, by `vxlanctl apply`."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: files
short_description: Make the tunnels of a host what files say
version_added: 0.1.0
description:
  - Runs C(vxlanctl apply), which makes VXLAN, ISATAP and IPv4-in-IPv6 tunnels what a document or files say.
  - A tunnel that is in sync is not touched. What would interrupt traffic is refused, and the failure names
    the option of this module that allows it.
  - O(content) is not stored on the host. To have the tunnels after a reboot, write files into
    C(/etc/vxlanctl) with M(vxlanctl.vxlanctl.config) or with the role P(vxlanctl.vxlanctl.host#role).
options:
  content:
    description:
      - The document itself, either as a mapping or as text in TOML or JSON.
      - The keys are those of files, see C(vxlanctl.toml(5)).
      - Excludes I(paths).
    type: raw
  paths:
    description:
      - Files and directories on the host.
      - By default C(/etc/vxlanctl), unless I(content) is set.
    type: list
    elements: path
  source:
    description:
      - The name by which I(prune) knows the tunnels of I(content). Needed for both together.
    type: str
  prune:
    description:
      - Remove tunnels that came from these files or directories, or from the same I(source), and are no
        longer defined there.
    type: bool
    default: false
  allow_empty:
    description:
      - Accept a document, file or directory that defines no tunnel.
    type: bool
    default: false
  confirm:
    description:
      - Roll the change back after so many seconds, unless the host is reached by a new connection before.
      - The module starts the change and ends. Then this collection's action plugin waits until the change
        is made, connects anew, and confirms it through the new connection.
      - Where no new connection comes about, vxlanctl rolls the change back by itself. The task then fails
        as soon as the host is reached again, and says why.
      - Does nothing where nothing would change.
      - The number includes the time that connecting takes. 60 is a good value.
    type: int
  allow_recreate:
    description:
      - Replace the interface where the kernel cannot change it. That interrupts traffic.
    type: bool
    default: false
  keep_foreign:
    description:
      - When an interface is replaced, restore what other programs set on it, such as addresses and routes.
    type: bool
    default: false
  drop_foreign:
    description:
      - When an interface is replaced, drop what other programs set on it.
    type: bool
    default: false
  allow_flap:
    description:
      - Set the interface down for a moment where the kernel needs that for a change.
    type: bool
    default: false
  allow_overlap:
    description:
      - Accept an inner prefix that draws traffic of the underlay into the tunnel.
    type: bool
    default: false
  exclusive:
    description:
      - Remove addresses and pinned MAC addresses that the document does not set.
    type: bool
    default: false
  adopt:
    description:
      - Take over an interface that another program seems to run.
    type: bool
    default: false
  wait:
    description:
      - How many seconds to wait for underlay interfaces and local addresses that do not exist yet.
    type: int
extends_documentation_fragment:
  - vxlanctl.vxlanctl.common
  - vxlanctl.vxlanctl.common.writes
attributes:
  check_mode:
    description: Says what would change, and is refused where the change would be.
    support: full
  diff_mode:
    description: Shows the tunnels that differ as documents, before and after.
    support: full
  platform:
    description: The hosts that it works on.
    support: full
    platforms: linux
  action:
    description: With I(confirm), the controller confirms the change through a new connection.
    support: full
  async:
    description: Works with C(async), but not together with I(confirm).
    support: partial
seealso:
  - module: vxlanctl.vxlanctl.config
  - module: vxlanctl.vxlanctl.peers
author:
  - vxlanctl maintainers (!UNKNOWN)
'''

EXAMPLES = r'''
- name: One VXLAN on each host, to all other hosts of the group
  vxlanctl.vxlanctl.files:
    source: site
    prune: true
    content:
      vxlan:
        vxlan0:
          local: auto
          dev: auto
          vni: 10
          addresses: ["{{ inner_address }}/24"]
          peers: "{{ groups['gates'] | map('extract', hostvars, 'outer_address') | list }}"

- name: Apply what is in /etc/vxlanctl, and roll it back if the host cannot be reached afterwards
  vxlanctl.vxlanctl.files:
    prune: true
    confirm: 60

- name: Another VNI needs another interface
  vxlanctl.vxlanctl.files:
    paths: [/etc/vxlanctl/gate.toml]
    allow_recreate: true
    keep_foreign: true
'''

RETURN = r'''
tunnels:
  description: What was done to each tunnel, as docs/json.md of vxlanctl describes it.
  returned: success, and on failure where something was changed
  type: list
  elements: dict
  sample:
    - name: vxlan0
      result: changed
      steps:
        - operation: add_peers
          link: vxlan0
          disruption: none
          changes: []
          peers: [{dst: 100.64.158.200}]
      warnings: []
      errors: []
summary:
  description: How many tunnels there are, and for each result how many have it.
  returned: where tunnels could be looked at
  type: dict
  sample: {tunnels: 1, changed: 1}
unnamed:
  description: Tunnels that came from the same files and are no longer defined there; they still run.
  returned: where tunnels could be looked at
  type: list
  elements: str
kept:
  description: Tunnels that stay although no file defines them, and why.
  returned: where tunnels could be looked at
  type: list
  elements: dict
confirmed:
  description: Whether the change was confirmed through a new connection.
  returned: with I(confirm), where something was changed
  type: bool
rc:
  description: The exit code of vxlanctl. 2 is a mistake in the files, 4 a refusal.
  returned: on failure
  type: int
refused:
  description: Whether it was refused and would be done with the options in C(allowed_by).
  returned: on failure
  type: bool
allowed_by:
  description: The options of this module that the refusal names.
  returned: on failure
  type: list
  elements: str
  sample: [allow_recreate]
errors:
  description: All errors, each with a stable code.
  returned: always
  type: list
  elements: dict
'''

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import document, job
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.vxlanctl import (
    APPLY_SWITCHES, APPLY_VALUES, COMMON_ARGUMENTS, Vxlanctl, options_of)

LONGEST = 86400  # what vxlanctl waits at most

ARGUMENTS = dict(
    COMMON_ARGUMENTS,
    content={'type': 'raw'},
    paths={'type': 'list', 'elements': 'path'},
    source={'type': 'str'},
    prune={'type': 'bool', 'default': False},
    allow_empty={'type': 'bool', 'default': False},
    confirm={'type': 'int'},
    allow_recreate={'type': 'bool', 'default': False},
    keep_foreign={'type': 'bool', 'default': False},
    drop_foreign={'type': 'bool', 'default': False},
    allow_flap={'type': 'bool', 'default': False},
    allow_overlap={'type': 'bool', 'default': False},
    exclusive={'type': 'bool', 'default': False},
    adopt={'type': 'bool', 'default': False},
    wait={'type': 'int'},
    lock_timeout={'type': 'int'},
    resolve_timeout={'type': 'int'},
)


def text_of(content):
    """The document as vxlanctl reads it from standard input."""
    if content is None or not isinstance(content, (dict, list)):
        return content
    return json.dumps(content, indent=2, sort_keys=True) + '\n'


def words_of(params):
    """The words of `vxlanctl apply`."""
    words = ['apply'] + options_of(params, APPLY_SWITCHES, APPLY_VALUES)
    if params['content'] is not None:
        return words + ['-']
    return words + ['--'] + params['paths'] if params['paths'] else words


def add_diff(result, running, answer):
    """What differs, for --diff."""
    before, after = document.before_and_after(running, answer.document.get('tunnels') or [])
    result['diff'] = {'before': before or '', 'after': after or '',
                      'before_header': 'the tunnels that run', 'after_header': 'the tunnels as they shall be'}


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[
        ('content', 'paths'), ('keep_foreign', 'drop_foreign')])
    if module.params['confirm'] is not None and not 1 <= module.params['confirm'] <= LONGEST:
        module.fail_json(msg="confirm: a number of seconds from 1 to %d" % LONGEST)
    program = Vxlanctl(module)
    data = text_of(module.params['content'])
    words = words_of(module.params)
    confirm = module.params['confirm']
    only_plan = module.check_mode or confirm is not None
    # pylint: disable-next=protected-access
    running = program.running(all_netns=True) if module._diff else {}

    answer = program.call(words[:1] + ['--dry-run'] * only_plan + words[1:], data)
    if answer.code != 0 or answer.document is None:
        program.fail(answer)
    program.warn(answer)
    result = answer.values()
    result['changed'] = answer.changed
    if module._diff:  # pylint: disable=protected-access
        add_diff(result, running, answer)
    if confirm is not None and answer.changed and not module.check_mode:
        command = program.command(words[:1] + ['-v', '--confirm', str(confirm)] + words[1:])
        result['job'] = job.start(command, data)
    module.exit_json(**result)


if __name__ == '__main__':
    main()
