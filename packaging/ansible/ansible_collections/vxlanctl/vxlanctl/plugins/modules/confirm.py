#!/usr/bin/python
# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""Confirms a change that waits, by `vxlanctl confirm`."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: confirm
short_description: Keep a change that waits to be confirmed
version_added: 0.1.0
description:
  - Runs C(vxlanctl confirm), which keeps what C(vxlanctl apply --confirm) has changed.
  - The option I(confirm) of M(vxlanctl.vxlanctl.files) uses this module. A playbook needs it only for a
    change that somebody started by hand.
options:
  job:
    description:
      - The change that M(vxlanctl.vxlanctl.files) started.
      - By default whichever change waits on the host.
    type: path
  keep:
    description:
      - Confirm the change. With V(false), only tell how the change of I(job) stands.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds to wait until the change of I(job) is made, and until its result is known.
    type: int
    default: 10
extends_documentation_fragment:
  - vxlanctl.vxlanctl.common
attributes:
  check_mode:
    description: Confirms nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
  platform:
    description: The hosts that it works on.
    support: full
    platforms: linux
author:
  - vxlanctl maintainers (!UNKNOWN)
'''

EXAMPLES = r'''
- name: Keep what waits on these hosts
  vxlanctl.vxlanctl.confirm:
'''

RETURN = r'''
state:
  description: How the change of I(job) stands.
  returned: with I(job)
  type: str
  sample: ended
confirmed:
  description: Whether the change is kept.
  returned: where that is decided
  type: bool
'''

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils import job
from ansible_collections.vxlanctl.vxlanctl.plugins.module_utils.vxlanctl import (
    COMMON_ARGUMENTS, Answer, Vxlanctl, failure_of)


def confirm_whatever_waits(module, program):
    """What a person does by hand."""
    if module.check_mode:
        module.exit_json(changed=True)
    answer = program.call(['confirm'])
    if answer.code != 0:
        program.fail(answer)
    module.exit_json(changed=True, confirmed=True)


def end_with_result(module, directory):
    """What came of a change that has ended."""
    answer = Answer(*job.result_of(directory))
    job.forget(directory)
    if answer.code == 0:
        module.exit_json(state='ended', **dict(answer.values(), changed=answer.changed))
    result = failure_of(answer, module.argument_spec)
    result.update(state='ended')
    module.fail_json(**result)


def main():
    module = AnsibleModule(argument_spec=dict(
        COMMON_ARGUMENTS,
        job={'type': 'path'},
        keep={'type': 'bool', 'default': True},
        timeout={'type': 'int', 'default': 10},
    ), supports_check_mode=True)
    program = Vxlanctl(module)
    directory = module.params['job']
    if not directory:
        confirm_whatever_waits(module, program)
    if not os.path.basename(directory).startswith(job.PREFIX):
        module.fail_json(msg="%s: not a change that the module 'files' started" % directory)

    state = job.await_state(directory, module.params['timeout'], over=('starting',))
    if state == 'unknown':
        module.fail_json(state=state, msg='%s: there is no such change. Its host was started again, or its '
                                          'result was asked for before.' % directory)
    if state == 'waiting' and module.params['keep'] and not module.check_mode:
        program.call(['confirm'])  # the change itself says whether that came in time
        state = job.await_state(directory, module.params['timeout'], over=('starting', 'waiting'))
    if state == 'ended':
        end_with_result(module, directory)
    module.exit_json(state=state, changed=False)


if __name__ == '__main__':
    main()
