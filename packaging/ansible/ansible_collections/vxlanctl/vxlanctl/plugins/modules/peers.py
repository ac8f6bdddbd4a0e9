#!/usr/bin/python
# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Adds peers to a running VXLAN, or removes them, by `vxlanctl peer`."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: peers
short_description: Add peers to a running VXLAN, or remove them
version_added: 0.1.0
description:
  - Runs C(vxlanctl peer add) or C(vxlanctl peer del). Other peers, and everything else, stay as they are.
  - The change lasts until the host is started again, or until files that define the tunnel are applied.
    Where a file defines the tunnel, change the file, and use M(vxlanctl.vxlanctl.files).
options:
  interface:
    description:
      - The VXLAN, which has to run.
    type: str
    required: true
  peers:
    description:
      - Peers as on the command line, such as V(100.64.158.4) or a host name.
    type: list
    elements: str
    default: []
  peers_file:
    description:
      - A file on the host that lists peers, one a line.
    type: path
  state:
    description:
      - Whether the peers shall be there.
    type: str
    choices: [present, absent]
    default: present
  override:
    description:
      - Change a tunnel that a file defines, until that file is applied again.
    type: bool
    default: false
  adopt:
    description:
      - Take over an interface that another program seems to run.
    type: bool
    default: false
  allow_overlap:
    description:
      - Accept an inner prefix that draws traffic of the underlay into the tunnel.
    type: bool
    default: false
extends_documentation_fragment:
  - vxlanctl.vxlanctl.common
  - vxlanctl.vxlanctl.common.writes
attributes:
  check_mode:
    description: Says what would change, and is refused where the change would be.
    support: full
  diff_mode:
    description: Shows the tunnel as a document, before and after.
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
- name: A new gate
  vxlanctl.vxlanctl.peers:
    interface: vxlan0
    peers: [100.64.158.200]

- name: A gate that is out of service
  vxlanctl.vxlanctl.peers:
    interface: vxlan0
    peers: [100.64.158.4]
    state: absent
    override: true
'''

RETURN = r'''
tunnels:
  description: What was done to the tunnel, as docs/json.md of vxlanctl describes it.
  returned: success
  type: list
  elements: dict
rc:
  description: The exit code of vxlanctl. 2 is a mistake in the options, 4 a refusal.
  returned: on failure
  type: int
allowed_by:
  description: The options of this module that a refusal names.
  returned: on failure
  type: list
  elements: str
  sample: [override]
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import document
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.vxlanctl import (
    COMMON_ARGUMENTS, PEER_SWITCHES, PEER_VALUES, Vxlanctl, options_of)


def words_of(params, check_mode):
    """The words of `vxlanctl peer`."""
    words = ['peer', 'add' if params['state'] == 'present' else 'del']
    if check_mode:
        words.append('--dry-run')
    return words + options_of(params, PEER_SWITCHES, PEER_VALUES) + ['--', params['interface']] + params['peers']


def main():
    module = AnsibleModule(argument_spec=dict(
        COMMON_ARGUMENTS,
        interface={'type': 'str', 'required': True},
        peers={'type': 'list', 'elements': 'str', 'default': []},
        peers_file={'type': 'path'},
        state={'type': 'str', 'choices': ['present', 'absent'], 'default': 'present'},
        override={'type': 'bool', 'default': False},
        adopt={'type': 'bool', 'default': False},
        allow_overlap={'type': 'bool', 'default': False},
        lock_timeout={'type': 'int'},
        resolve_timeout={'type': 'int'},
    ), supports_check_mode=True)
    program = Vxlanctl(module)
    # pylint: disable-next=protected-access
    running = program.running() if module._diff else {}
    answer = program.call(words_of(module.params, module.check_mode))
    if answer.code != 0 or answer.document is None:
        program.fail(answer)
    program.warn(answer)
    result = dict(answer.values(), changed=answer.changed)
    if module._diff:  # pylint: disable=protected-access
        before, after = document.before_and_after(running, answer.document['tunnels'])
        result['diff'] = {'before': before or '', 'after': after or ''}
    module.exit_json(**result)


if __name__ == '__main__':
    main()
