# Copyright: vxlanctl maintainers
# SPDX-License-Identifier: Apache-2.0
"""The documentation that the modules share."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):

    DOCUMENTATION = r'''
options:
  executable:
    description:
      - Path of the program on the host.
      - By default C(vxlanctl) is looked for in C(PATH) and in the directories for programs of root.
    type: path
  netns:
    description:
      - Name of the network namespace to work in, as C(--netns) of the program.
      - By default that of the connection.
    type: str
requirements:
  - vxlanctl on the host, of the same version as this collection or later
  - Python 3.6 or later on the host
'''

    WRITES = r'''
options:
  lock_timeout:
    description:
      - How many seconds to wait for another vxlanctl. The program's default is 10.
    type: int
  resolve_timeout:
    description:
      - How many seconds to wait for the addresses of peers' names. The program's default is 10.
    type: int
'''
