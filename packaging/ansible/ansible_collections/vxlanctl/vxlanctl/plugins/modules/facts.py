#!/usr/bin/python
# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Tells what runs, by `vxlanctl show`."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: facts
short_description: Tell which tunnels run on a host
version_added: 0.1.0
description:
  - Runs C(vxlanctl show), and sets the fact C(vxlanctl) to what it says of each tunnel, with its addresses,
    routes, counters and problems, and of each peer when it was last heard.
options:
  interfaces:
    description:
      - Only these tunnels, each of which has to run. By default all.
    type: list
    elements: str
    default: []
  all_netns:
    description:
      - Look at every network namespace in which vxlanctl manages a tunnel.
    type: bool
    default: false
extends_documentation_fragment:
  - vxlanctl.vxlanctl.common
attributes:
  check_mode:
    description: Changes nothing in any case.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  facts:
    description: Sets a fact.
    support: full
  platform:
    description: The hosts that it works on.
    support: full
    platforms: linux
author:
  - vxlanctl maintainers (!UNKNOWN)
'''

EXAMPLES = r'''
- name: What runs
  vxlanctl.vxlanctl.facts:

- name: Peers that were not heard for five minutes
  ansible.builtin.debug:
    msg: "{{ item.0.name }}: {{ item.1.name | default(item.1.dst) }}"
  loop: "{{ ansible_facts.vxlanctl.tunnels | subelements('peers', skip_missing=true) }}"
  when: item.1.last_heard_seconds | default(300) >= 300
'''

RETURN = r'''
ansible_facts:
  description: Facts that the host has from now on.
  returned: always
  type: dict
  contains:
    vxlanctl:
      description: What runs.
      returned: always
      type: dict
      contains:
        tunnels:
          description:
            - Each tunnel, as C(vxlanctl show --json) has it, see docs/json.md of vxlanctl.
          returned: always
          type: list
          elements: dict
          sample:
            - name: vxlan0
              kind: vxlan
              up: true
              mtu: 1450
              addresses: [10.225.194.171/9]
              peers:
                - dst: 100.64.158.4
                  name: gate-a
                  learned: ['52:ed:ba:e2:37:de']
                  last_heard_seconds: 3
        other_netns:
          description: Other network namespaces in which vxlanctl manages tunnels.
          returned: always
          type: dict
          sample: {names: [], nameless: 0}
'''

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.vxlanctl import (
    COMMON_ARGUMENTS, Vxlanctl)


def main():
    module = AnsibleModule(argument_spec=dict(
        COMMON_ARGUMENTS,
        interfaces={'type': 'list', 'elements': 'str', 'default': []},
        all_netns={'type': 'bool', 'default': False},
    ), supports_check_mode=True)
    program = Vxlanctl(module)
    words = ['show'] + ['--all-netns'] * module.params['all_netns']
    if module.params['interfaces']:
        words += ['--'] + module.params['interfaces']
    answer = program.call(words)
    if answer.code != 0 or answer.document is None:
        program.fail(answer)
    module.exit_json(changed=False, ansible_facts={'vxlanctl': {
        'tunnels': answer.document['tunnels'], 'other_netns': answer.document['other_netns']}})


if __name__ == '__main__':
    main()
